use std::sync::Arc;
use std::time::Duration;

use crate::{TaskDetails, TaskStatus, WallTime, WorkerId};

/// Which tasks [`Dispatcher::tasks`](crate::Dispatcher::tasks) lists. Each setting narrows the list; by default it has
/// all tasks that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    statuses: Vec<TaskStatus>,
    worker_ids: Vec<WorkerId>,
    caller_ids: Vec<Arc<str>>,
    older_than: Option<Duration>,
}

impl TaskFilter {
    /// Only tasks of that status, or of one that was added before. Of tasks that have ended none is listed.
    #[must_use]
    pub fn with_status(mut self, status: TaskStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Only tasks of that worker id, or of one that was added before.
    #[must_use]
    pub fn with_worker_id(mut self, worker_id: WorkerId) -> Self {
        self.worker_ids.push(worker_id);
        self
    }

    /// Only tasks of that caller, or of one that was added before.
    #[must_use]
    pub fn with_caller_id(mut self, caller_id: impl Into<Arc<str>>) -> Self {
        self.caller_ids.push(caller_id.into());
        self
    }

    /// Only tasks that were accepted so long ago, or longer.
    #[must_use]
    pub fn with_older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Whether tasks of that status may be listed.
    pub(super) fn has_status(&self, status: TaskStatus) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&status)
    }

    /// Whether tasks of that worker id may be listed.
    pub(super) fn has_worker_id(&self, worker_id: &WorkerId) -> bool {
        self.worker_ids.is_empty() || self.worker_ids.contains(worker_id)
    }

    /// Whether a task of its worker ids is listed, by its record, if it is `now`.
    pub(super) fn matches(&self, details: &TaskDetails, now: WallTime) -> bool {
        !details.status.is_terminal()
            && self.has_status(details.status)
            && (self.caller_ids.is_empty() || self.caller_ids.contains(&details.caller_id))
            && self.older_than.is_none_or(|age| details.created_at + age <= now)
    }
}
