use crate::{Progress, TaskDetails};

/// A task of a list, as it was when its record was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedTask {
    /// Its record.
    pub details: TaskDetails,
    /// What it waits for, or since when it runs, by the numbers that its queue had when the list began.
    pub progress: Progress,
}

impl ListedTask {
    pub(super) const fn new(details: TaskDetails, progress: Progress) -> Self {
        Self { details, progress }
    }
}
