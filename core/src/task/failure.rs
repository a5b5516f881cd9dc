use super::{CancelReason, TaskError, TaskStatus};

/// Why a task has no result: see [`TaskDetails::into_result`](crate::TaskDetails::into_result).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskFailure {
    /// The task ended in an error.
    #[error(transparent)]
    Error(#[from] TaskError),
    /// The task was cancelled.
    #[error("the task was cancelled ({0})")]
    Cancelled(CancelReason),
    /// The task completed, and its output has another shape than the type that was asked for.
    #[error("the output {output} does not fit: {problem}")]
    Output {
        /// The output, as JSON.
        output: String,
        /// What does not fit.
        problem: String,
    },
    /// The task has not ended.
    #[error("the task has no outcome yet: it is {0}")]
    Unfinished(TaskStatus),
}

impl TaskFailure {
    /// The error that the task ended in, if it did.
    #[must_use]
    pub fn into_task_error(self) -> Option<TaskError> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }
}
