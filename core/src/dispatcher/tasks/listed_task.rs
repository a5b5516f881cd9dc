use crate::{ActivityEntry, Progress, TaskId, TaskSummary, WallTime};

/// A task of a list.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ListedTask {
    /// It waits or runs.
    Unfinished {
        /// What is known of it, as it was when it was read.
        summary: Box<TaskSummary>,
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
            Self::Unfinished { summary, .. } => summary.task_id,
            Self::Ended(entry) => entry.task_id,
        }
    }

    /// When it was accepted, or has ended.
    pub(super) fn time(&self) -> WallTime {
        match self {
            Self::Unfinished { summary, .. } => summary.created_at,
            Self::Ended(entry) => entry.ended_at,
        }
    }
}
