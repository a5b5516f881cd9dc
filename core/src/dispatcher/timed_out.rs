use std::fmt;

use super::Progress;
use crate::TaskId;

/// A task that did not end in time, and why. It prints as the id of the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut {
    task_id: TaskId,
    /// In a box, so that errors stay small.
    progress: Box<Progress>,
}

impl TimedOut {
    pub(crate) fn new(task_id: TaskId, progress: Progress) -> Self {
        Self { task_id, progress: Box::new(progress) }
    }

    /// The task.
    #[must_use]
    pub fn task_id(&self) -> TaskId {
        self.task_id
    }

    /// What the task waited for, or since when it ran.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.task_id, f)
    }
}
