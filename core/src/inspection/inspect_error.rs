use crate::{TaskId, TaskStatus, TransportError};

/// Why a transport can't tell where a task is.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The task has no record: it was never submitted, or its record has expired.
    #[error("task {0} is not known")]
    NotFound(TaskId),
    /// The task waits, or has ended.
    #[error("task {task} does not run: it is {status}")]
    NotRunning {
        /// The task.
        task: TaskId,
        /// Its status.
        status: TaskStatus,
    },
    /// The instance of the record does not have the run: it has just ended, or is on its way to the instance. Asking
    /// again soon gives another answer.
    #[error("task {0} is just beginning or ending")]
    Changing(TaskId),
    /// The transport failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
}
