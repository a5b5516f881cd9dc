use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use crate::{
    Invalid, OutcomeError, SubmitError, SubmitOneError, TaskError, TaskId, TaskStatus, TimedOut,
    TransportError, WorkerId,
};

/// Why a call of the dispatcher has no answer.
///
/// A task that ended in an error *is* an answer: it comes as its
/// [`TaskDetails`](crate::TaskDetails).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The task did not end in time. [`TimedOut::progress`] says why: no worker serves its worker id, its queue is
    /// paused or long, or it runs longer than the timeout.
    #[error("task {} did not end within its timeout: {}", .0.task_id(), .0.progress())]
    Timeout(TimedOut),
    /// A value was refused before anything was queued.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The script was refused before it was queued, because it can't run.
    #[error(transparent)]
    Script(TaskError),
    /// As many tasks wait for the worker id as may. Trying again later is safe.
    #[error(
        "worker_id: the queue of {worker_id} is full, {limit} tasks wait (queue_limit); submit later, start more workers, or raise queue_limit"
    )]
    QueueFull {
        /// The queue.
        worker_id: WorkerId,
        /// Its limit.
        limit: usize,
    },
    /// The request id stands for another payload or other args.
    #[error("request_id: it was used for another request, task {0}; use a new one for a new request")]
    RequestIdConflict(TaskId),
    /// The task that dispatches it has dispatched as many as it may.
    #[error(
        "parent: task {parent} has dispatched {limit} tasks, and may dispatch no more (max_children); raise max_children of the transport"
    )]
    TooManyChildren {
        /// The task that dispatches.
        parent: TaskId,
        /// Its limit.
        limit: usize,
    },
    /// The task that dispatches it has been cancelled, and what it dispatched with it.
    #[error("parent: task {0} has been cancelled, so it dispatches nothing more")]
    ParentCancelled(TaskId),
    /// The task has no record: it was never submitted here, or its record has expired.
    #[error("task {0} is not known: it never was submitted here, or its record has expired")]
    NotFound(TaskId),
    /// The task waits or has ended, so it is nowhere in its script.
    #[error("task {task_id} does not run: it is {status}")]
    NotRunning {
        /// The task.
        task_id: TaskId,
        /// Its status.
        status: TaskStatus,
    },
    /// The instance that runs the task has not said in time where it is. Likely causes: its process has died, is suspended
    /// or overloaded, or is of an older version.
    #[error(
        "task {task_id} runs, and its instance did not say where it is within {timeout:?}; ask again, or wait longer \
         (inspect_timeout)"
    )]
    NoAnswer {
        /// The task.
        task_id: TaskId,
        /// How long the call waited.
        timeout: Duration,
    },
    /// The task was accepted, but the transport's store has lost it.
    #[error("task {0} was lost by the transport's store")]
    Lost(TaskId),
    /// The transport can't be reached now, and it is not known whether the task was accepted. Trying again is
    /// safe: under the same `request_id` it joins what was.
    #[error("the transport is unavailable: {0}")]
    Unavailable(#[source] Arc<dyn StdError + Send + Sync>),
    /// The transport refuses this client. A retry does not help.
    #[error("the transport was refused: {0}")]
    Refused(#[source] Arc<dyn StdError + Send + Sync>),
    /// The URL names a transport that this build does not have.
    #[error("url: {scheme} is not supported here; {hint}")]
    Unsupported {
        /// The scheme of the URL.
        scheme: String,
        /// The way out.
        hint: &'static str,
    },
    /// The transport, or something behind it, broke its protocol.
    #[error("unexpected answer: {0}")]
    Protocol(#[source] Arc<dyn StdError + Send + Sync>),
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::QueueFull { .. } | Self::NoAnswer { .. })
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unavailable(source) => Self::Unavailable(source),
            TransportError::Refused(source) => Self::Refused(source),
            TransportError::Protocol(source) => Self::Protocol(source),
            error @ TransportError::Detached => Self::Protocol(Arc::new(error)),
        }
    }
}

impl From<SubmitError> for Error {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::QueueFull { worker_id, limit } => Self::QueueFull { worker_id, limit },
            SubmitError::RequestIdConflict(first) => Self::RequestIdConflict(first),
            SubmitError::TooManyChildren { parent, limit } => Self::TooManyChildren { parent, limit },
            SubmitError::ParentCancelled(parent) => Self::ParentCancelled(parent),
            SubmitError::Invalid(invalid) => Self::Invalid(invalid),
        }
    }
}

impl From<SubmitOneError> for Error {
    fn from(error: SubmitOneError) -> Self {
        match error {
            SubmitOneError::Task(error) => error.into(),
            SubmitOneError::Transport(error) => error.into(),
        }
    }
}

impl From<OutcomeError> for Error {
    fn from(error: OutcomeError) -> Self {
        match error {
            OutcomeError::NotFound(id) => Self::NotFound(id),
            OutcomeError::Lost(id) => Self::Lost(id),
            OutcomeError::Transport(error) => error.into(),
        }
    }
}
