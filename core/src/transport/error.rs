use std::error::Error as StdError;
use std::sync::Arc;

use crate::{Invalid, TaskId, WorkerId};

/// Why a transport could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The store can't be reached, takes nothing for now, or did not answer in time. Likely causes: it is down or
    /// starting, is a replica, its memory or disk is full, the network, an overload. Trying again is safe.
    #[error("the transport is unavailable: {0}")]
    Unavailable(#[source] Arc<dyn StdError + Send + Sync>),
    /// The store refuses this client, and a retry does not help. Likely causes: a wrong password or database, a
    /// server that is too old.
    #[error("the transport was refused: {0}")]
    Refused(#[source] Arc<dyn StdError + Send + Sync>),
    /// What the store holds is not what this version writes. Likely causes: a foreign key under
    /// the same prefix, a newer version.
    #[error("the transport holds something unexpected: {0}")]
    Protocol(#[source] Arc<dyn StdError + Send + Sync>),
    /// The instance has ended.
    #[error("the instance is detached")]
    Detached,
}

impl TransportError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Why a task was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// As many tasks wait for the worker id as may.
    #[error("the queue of {worker_id} is full: {limit} tasks wait")]
    QueueFull {
        /// The queue.
        worker_id: WorkerId,
        /// Its limit.
        limit: usize,
    },
    /// The request id stands for another payload or other args.
    #[error("the request id was used for another request, task {0}")]
    RequestIdConflict(TaskId),
    /// The task that dispatches it has dispatched as many as it may.
    #[error("task {parent} has dispatched {limit} tasks, and may dispatch no more")]
    TooManyChildren {
        /// The task that dispatches.
        parent: TaskId,
        /// Its limit.
        limit: usize,
    },
    /// The task that dispatches it has been cancelled, and what it dispatched with it.
    #[error("task {0}, which dispatches it, has been cancelled")]
    ParentCancelled(TaskId),
    /// The transport can't carry this task.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl SubmitError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::QueueFull { .. })
    }
}

/// Why [`submit_one`](crate::TransportExt::submit_one) did not queue its task.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitOneError {
    /// The transport refused the task.
    #[error(transparent)]
    Task(#[from] SubmitError),
    /// The transport failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl SubmitOneError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Task(error) => error.is_retryable(),
            Self::Transport(error) => error.is_retryable(),
        }
    }
}

/// Why a task has no outcome, or no record, to return.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OutcomeError {
    /// The task has no record: it was never submitted, or its record has expired.
    #[error("task {0} is not known")]
    NotFound(TaskId),
    /// The task was accepted, but the store has lost it.
    #[error("task {0} was lost by the transport's store")]
    Lost(TaskId),
    /// The transport failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
}
