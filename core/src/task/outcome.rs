use super::{CancelReason, Output, TaskError, TaskStatus};

/// The terminal result of a task. There is exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It returned a value.
    Completed(Output),
    /// It failed.
    Error(TaskError),
    /// It was stopped.
    Cancelled(CancelReason),
}

impl Outcome {
    /// The status that a record with this outcome has.
    #[must_use]
    pub const fn status(&self) -> TaskStatus {
        match self {
            Self::Completed(_) => TaskStatus::Completed,
            Self::Error(_) => TaskStatus::Error,
            Self::Cancelled(_) => TaskStatus::Cancelled,
        }
    }
}
