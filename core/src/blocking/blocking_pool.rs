use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use tracing::Span;

use super::Slots;
use crate::panic_text::panic_text;
use crate::{Activity, Priority, lock};

/// Threads for work that blocks: a bounded number, started when there is work and ended when there has been
/// none for 10 s. Clones are the same pool.
///
/// A dispatcher has one, for checks of scripts and for files, and an engine's configuration has one.
#[derive(Clone)]
pub struct BlockingPool(Arc<PoolCore>);

struct PoolCore {
    /// The name of its threads.
    name: &'static str,
    /// One for each thread. A job holds its slot until it is done, even if its future was dropped; so a job that is queued has a thread soon.
    slots: Slots,
    state: Mutex<JobQueue>,
    work: Condvar,
}

#[derive(Default)]
struct JobQueue {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that wait for a job.
    idle: usize,
}

type Job = Box<dyn FnOnce() + Send>;

/// How long a thread waits for another job before it ends.
const IDLE_TIME: Duration = Duration::from_secs(10);

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockingError {
    /// The system gives no thread. Trying again later may help.
    #[error("no thread for a blocking function: {0}")]
    NoThread(#[from] std::io::Error),
    /// It panicked.
    #[error("it panicked: {0}")]
    Panicked(String),
}

impl BlockingPool {
    /// A pool of at most `max` threads of that name, at least one. None is started yet.
    #[must_use]
    pub fn new(name: &'static str, max: usize) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        Self(Arc::new(PoolCore { name, slots: Slots::new(max), state, work }))
    }

    /// Runs `job` on one of the threads as soon as one is free, in the tracing span that is current then. Dropping the future does not stop a job
    /// that has begun; what it returns is dropped then.
    ///
    /// # Errors
    /// If the system gives no thread, or `job` panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BlockingError> {
        let slot = self.0.slots.acquire(priority).await;
        let (sender, receiver) = oneshot::channel();
        // A test's clock stands still while the job runs.
        let busy = Activity::begin_on_this_thread();
        let span = Span::current();
        self.submit(Box::new(move || {
            let result = panic::catch_unwind(AssertUnwindSafe(|| span.in_scope(job)));
            // Before the answer, so that its receiver finds the slot free.
            drop(slot);
            // The payload of a panic may panic when it is dropped: not here, for it would end the thread.
            let result = result.map_err(panic_text);
            // An error if the future was dropped.
            let _ = sender.send(result);
            drop(busy);
        }))?;
        match receiver.await {
            Ok(result) => result.map_err(BlockingError::Panicked),
            Err(oneshot::Canceled) => Err(BlockingError::Panicked("its thread has ended".to_owned())),
        }
    }

    fn submit(&self, job: Job) -> Result<(), BlockingError> {
        let mut state = self.0.lock();
        // Idle threads may all have been woken for the jobs before this one.
        if state.idle <= state.jobs.len() && state.threads < self.0.slots.max() {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name(self.0.name.into());
            match thread.spawn(move || shared.serve()) {
                Ok(_detached) => state.threads += 1,
                Err(error) if state.threads == 0 => return Err(error.into()),
                Err(error) => tracing::debug!(%error, "no further thread for blocking functions"),
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.0.work.notify_one();
        Ok(())
    }
}

impl PoolCore {
    fn lock(&self) -> MutexGuard<'_, JobQueue> {
        lock(&self.state)
    }

    /// Does one job after another.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let waited = self.work.wait_timeout_while(state, IDLE_TIME, |state| state.jobs.is_empty());
            let (waited, time_out) = waited.unwrap_or_else(PoisonError::into_inner);
            state = waited;
            state.idle -= 1;
            if time_out.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPool").field("slots", &self.0.slots).finish_non_exhaustive()
    }
}
