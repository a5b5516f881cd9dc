use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use rhai_dispatcher_core::{
    CancelReason, Claim, Finished, InstanceId, Outcome, Task, TaskDetails, TaskLog, TaskStatus, WallTime,
};

use crate::queue::Queue;
use crate::wakes::Wakes;

/// One task: what was submitted, and what is known of it.
pub(crate) struct Record {
    pub(crate) task: Arc<Task>,
    /// The queue that it belongs to.
    pub(crate) queue: Weak<Queue>,
    /// Its place among all tasks of its queue, in order of submission.
    pub(crate) number: u64,
    state: Mutex<RecordState>,
}

pub(crate) struct RecordState {
    pub(crate) details: TaskDetails,
    /// That somebody wants it stopped while it runs.
    pub(crate) cancel: Option<CancelReason>,
    /// Who waits for its outcome; without a waker until first polled.
    pub(crate) waiters: Vec<(u64, Option<Waker>)>,
    pub(crate) next_waiter: u64,
}

impl Record {
    pub(crate) fn new(task: Task, queue: Weak<Queue>, number: u64, now: WallTime) -> Self {
        let state = RecordState {
            details: TaskDetails::accepted(&task, now),
            cancel: None,
            waiters: Vec::new(),
            next_waiter: 0,
        };
        Self { task: Arc::new(task), queue, number, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, RecordState> {
        // Nothing panics while it holds the lock, save for an allocation that fails.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it takes of memory once finished, estimated.
    pub(crate) fn bytes(&self) -> usize {
        /// The record, its task, its place in the table.
        const FIXED: usize = 1_024;
        let state = self.lock();
        let output = state.details.output.as_ref().map_or(0, |output| output.as_json().as_str().len());
        let error = state.details.error.as_ref().map_or(0, |error| error.message.len());
        let log = state.details.log.bytes() + 64 * state.details.log.lines().len();
        FIXED + self.task.payload.source().len() + self.task.args.as_str().len() + output + error + log
    }
}

impl RecordState {
    /// Whether it waits to be claimed.
    pub(crate) fn is_pending(&self) -> bool {
        self.details.status == TaskStatus::Pending
    }

    /// Starts it; the claim is the right to finish this start.
    pub(crate) fn start(&mut self, instance: InstanceId, now: WallTime) -> Claim {
        let details = &mut self.details;
        details.status = TaskStatus::Processing;
        details.instance = Some(instance);
        details.delivery += 1;
        details.started_at = Some(now);
        details.updated_at = now;
        details.run_at = None;
        Claim { task: details.task_id, instance, delivery: details.delivery }
    }

    /// Whether `claim` still is the right to finish it.
    pub(crate) fn fence(&self, claim: &Claim) -> Result<(), Finished> {
        let details = &self.details;
        let mine = details.instance == Some(claim.instance) && details.delivery == claim.delivery;
        match details.status {
            TaskStatus::Processing if mine => Ok(()),
            status if status.is_terminal() && mine => Err(Finished::AlreadyTerminal(status)),
            _ => Err(Finished::Fenced),
        }
    }

    /// Takes back the start that it was given.
    pub(crate) fn uncount(&mut self) {
        self.details.delivery -= 1;
        self.details.instance = None;
    }

    /// Makes it wait again.
    pub(crate) fn return_to_queue(&mut self, run_at: Option<WallTime>, now: WallTime) {
        self.details.status = TaskStatus::Pending;
        self.details.run_at = run_at;
        self.details.updated_at = now;
    }

    /// Writes its one outcome.
    pub(crate) fn end(&mut self, outcome: Outcome, log: TaskLog, now: WallTime, wakes: &mut Wakes) {
        self.details.set_outcome(outcome);
        self.details.log = log;
        self.details.updated_at = now;
        wakes.extend(self.waiters.drain(..).filter_map(|(_, waker)| waker));
    }
}
