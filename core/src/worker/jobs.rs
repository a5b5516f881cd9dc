use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Ran;
use super::job::Job;
use super::lane_state::LaneState;
use super::run_queue::RunQueue;
use super::task_waker::TaskWaker;
use crate::Clock;

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

    /// Runs a new task up to its first wait. How it ended, if it has.
    pub(super) fn begin(&mut self, job: Job) -> Option<(Job, Ran)> {
        let (id, mut entry) = self.enter(job);
        // Most tasks end now, and are never among those that wait.
        if let Poll::Ready(ran) = entry.poll(&*self.clock, &self.state) {
            let Entry { job, task_waker, waker } = entry;
            drop(waker);
            job.stop.forget();
            self.spare = Some(task_waker);
            return Some((job, ran));
        }
        self.jobs.insert(id, entry);
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
            let ended = entry.poll(&*self.clock, &self.state);
            let Poll::Ready(ran) = ended else { return Poll::Ready(None) };
            let ended = self.jobs.remove(&id).map(|entry| entry.job);
            return Poll::Ready(ended.map(|job| {
                job.stop.forget();
                (job, ran)
            }));
        }
        Poll::Pending
    }

    fn enter(&mut self, job: Job) -> (u64, Entry) {
        self.next_id += 1;
        let (ready, clock) = (Arc::clone(&self.ready), Arc::clone(&self.clock));
        let task_waker = TaskWaker::new(self.next_id, ready, clock, job.stop.clone());
        let task_waker = match self.spare.take() {
            Some(mut spare) => {
                match Arc::get_mut(&mut spare) {
                    Some(unused) => *unused = task_waker,
                    None => spare = Arc::new(task_waker), // a waker of the ended task is still held
                }
                spare
            }
            None => Arc::new(task_waker),
        };
        let waker = Waker::from(Arc::clone(&task_waker));
        (self.next_id, Entry { job, task_waker, waker })
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.jobs.values().for_each(|entry| entry.job.stop.forget());
    }
}

impl Entry {
    fn poll(&mut self, clock: &dyn Clock, state: &LaneState) -> Poll<Ran> {
        state.slot().set(self.job.claim.task);
        self.task_waker.run();
        let before = clock.now();
        self.job.stop.probe().polled(before);
        let polled = Pin::new(&mut self.job).poll(&mut Context::from_waker(&self.waker));
        if polled.is_pending() {
            self.task_waker.wait(before, clock.now());
        }
        polled
    }
}
