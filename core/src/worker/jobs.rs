use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::job::Job;
use super::lane_state::LaneState;
use super::run_queue::RunQueue;
use super::task_waker::TaskWaker;
use super::{Ran, StopToken};
use crate::{Clock, Tick};

/// The tasks of a lane that have begun. Those that were woken run in the order of the [`RunQueue`].
pub(super) struct Jobs {
    clock: Arc<dyn Clock>,
    /// Notes which task is polled.
    state: Arc<LaneState>,
    jobs: HashMap<u64, Entry>,
    next_id: u64,
    ready: Arc<RunQueue>,
    /// The waker of a task that ended in its first run, for the next task.
    spare: Option<Arc<TaskWaker>>,
}

struct Entry {
    job: Job,
    task_waker: Arc<TaskWaker>,
    /// Made of `task_waker`.
    waker: Waker,
}

impl Jobs {
    pub(super) fn new(clock: Arc<dyn Clock>, state: Arc<LaneState>) -> Self {
        Self { clock, state, jobs: HashMap::new(), next_id: 0, ready: Arc::default(), spare: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Runs a new task up to its first wait. How it ended, if it has.
    pub(super) fn begin(&mut self, mut job: Job) -> Option<(Job, Ran)> {
        self.next_id += 1;
        let task_waker = self.task_waker(&job.stop);
        let waker = Waker::from(Arc::clone(&task_waker));
        let now = job.started_at;
        // Most tasks end now, and are never among those that wait.
        if let Poll::Ready(ran) = poll_job(&mut job, &task_waker, &waker, now, (&*self.clock, &self.state)) {
            drop(waker);
            job.stop.forget();
            self.spare = Some(task_waker);
            return Some((job, ran));
        }
        self.jobs.insert(self.next_id, Entry { job, task_waker, waker });
        None
    }

    /// Whether a task is ready to run.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether a task is ready to run; if not, the context is woken when one is.
    pub(super) fn poll_ready(&self, cx: &Context<'_>) -> bool {
        self.ready.poll_ready(cx)
    }

    /// Runs the first task of the run queue up to its next wait. How it ended, if it has; pending if the queue is empty.
    pub(super) fn run_next(&mut self) -> Poll<Option<(Job, Ran)>> {
        while let Some(id) = self.ready.pop() {
            // A task that is not queued any more ran by an earlier entry, for its stop.
            let Some(entry) = self.jobs.get_mut(&id).filter(|entry| entry.task_waker.is_queued()) else {
                continue;
            };
            let Entry { job, task_waker, waker } = entry;
            let ended = poll_job(job, task_waker, waker, self.clock.now(), (&*self.clock, &self.state));
            let Poll::Ready(ran) = ended else { return Poll::Ready(None) };
            let ended = self.jobs.remove(&id).map(|entry| entry.job);
            return Poll::Ready(ended.map(|job| {
                job.stop.forget();
                (job, ran)
            }));
        }
        Poll::Pending
    }

    /// A waker for the next task, which is about to run.
    fn task_waker(&mut self, stop: &StopToken) -> Arc<TaskWaker> {
        let (ready, clock) = (Arc::clone(&self.ready), Arc::clone(&self.clock));
        let task_waker = TaskWaker::new(self.next_id, ready, clock, stop.clone());
        match self.spare.take() {
            Some(mut spare) => {
                match Arc::get_mut(&mut spare) {
                    Some(unused) => *unused = task_waker,
                    None => spare = Arc::new(task_waker), // a waker of the ended task is still held
                }
                spare
            }
            None => Arc::new(task_waker),
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.jobs.values().for_each(|entry| entry.job.stop.forget());
    }
}

/// Polls a task from `now` on.
fn poll_job(
    job: &mut Job,
    task_waker: &TaskWaker,
    waker: &Waker,
    now: Tick,
    (clock, state): (&dyn Clock, &LaneState),
) -> Poll<Ran> {
    state.slot().set(job.claim.task);
    task_waker.run();
    job.stop.probe().polled(now);
    let polled = Pin::new(job).poll(&mut Context::from_waker(waker));
    if polled.is_pending() {
        task_waker.wait(now, clock.now());
    }
    polled
}
