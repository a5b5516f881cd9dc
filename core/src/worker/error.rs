use crate::TransportError;

/// Why a worker could not serve, or ended.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The transport failed, and a retry does not help.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The handler of a lane panicked outside any task.
    #[error("the handler failed: {0}")]
    Handler(String),
    /// The system gives no thread for a lane.
    #[error("no thread for lane {lane}: {message}")]
    Thread {
        /// Which lane, from 0.
        lane: usize,
        /// What the system says.
        message: String,
    },
    /// The memory that names the running tasks after a crash can't be used.
    #[error("crash file: {0}")]
    CrashFile(String),
}
