use std::sync::Arc;
use std::time::Duration;

use super::{ActivityEntry, ActivityError};
use crate::{CancelReason, Claim, Finish, Outcome, Task, TaskStatus, Tick, WallTime};

/// A run that has ended with an outcome, or with an error after which it is tried again, and whose end the transport has
/// written: what a worker tells its transport for the activity.
#[derive(Debug, Clone)]
pub struct EndedRun {
    /// The task.
    pub task: Arc<Task>,
    /// The claim that it ran under.
    pub claim: Claim,
    /// How many tries before this one ended in an error.
    pub attempt: u32,
    /// `completed`, `error` or `cancelled`; `pending` if it is tried again.
    pub status: TaskStatus,
    /// See [`ActivityEntry::queue_time`].
    pub queue_time: Option<Duration>,
    /// The time from its start to its end.
    pub run_time: Duration,
    /// When it ended, by the clock of its transport.
    pub ended_at: Tick,
    /// Why it was cancelled, if it was.
    pub cancel_reason: Option<CancelReason>,
    /// Why it failed, if it did.
    pub error: Option<ActivityError>,
}

impl EndedRun {
    /// The same with the error of its completion, if that has one.
    #[must_use]
    pub(crate) fn with_error_of(mut self, finish: Finish) -> Self {
        self.error = match finish {
            Finish::Outcome(Outcome::Error(error)) | Finish::RetryIn(_, error) => Some(error.into()),
            _ => None,
        };
        self
    }

    /// The entry of it, if it is `tick` and `now` by the clock of its transport.
    #[must_use]
    pub fn into_entry(self, tick: Tick, now: WallTime) -> ActivityEntry {
        let age = u64::try_from((tick - self.ended_at).as_millis()).unwrap_or(u64::MAX);
        let ended_at = WallTime::from_millis(now.as_millis().saturating_sub(age));
        let task = &self.task;
        let (worker_id, caller_id) = (task.worker_id.clone(), Arc::clone(&task.caller_id));
        let mut entry = ActivityEntry::new(task.id, worker_id, caller_id, self.status, ended_at);
        entry.method = task.payload.method().cloned();
        entry.script_name = task.payload.shared_name().cloned();
        entry.context_id = task.context_id.clone();
        entry.parent = task.parent;
        entry.delivery = self.claim.delivery;
        entry.attempt = self.attempt;
        entry.instance = Some(self.claim.instance);
        entry.queue_time = self.queue_time;
        entry.run_time = Some(self.run_time);
        entry.cancel_reason = self.cancel_reason;
        entry.error = self.error;
        entry
    }
}
