use crate::{ActivityEntry, Progress, TaskDetails, TaskId};

/// A task of a list.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ListedTask {
    /// It waits or runs.
    Unfinished {
        /// Its record, as it was when it was read.
        details: Box<TaskDetails>,
        /// What it waits for, or since when it runs, by the numbers that its queue had when the list began.
        progress: Progress,
    },
    /// It has ended.
    Ended(Box<ActivityEntry>),
}

impl ListedTask {
    /// Its id.
    #[must_use]
    pub fn task_id(&self) -> TaskId {
        match self {
            Self::Unfinished { details, .. } => details.task_id,
            Self::Ended(entry) => entry.task_id,
        }
    }
}
