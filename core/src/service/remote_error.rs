use std::sync::Arc;

use crate::{CancelReason, Error, TaskError, WorkerId};

/// Why a call over a transport has no response, beside the reasons that calls within a process have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Caller and worker were built with different types, or the worker id is not served by this service.
    #[error("{0}")]
    Incompatible(String),
    /// No worker served the worker id when the timeout of the call was over. The request is withdrawn.
    #[error(
        "the timeout of the call is over, and no worker serves {0}; start its service there, or correct the worker id"
    )]
    NotServed(WorkerId),
    /// The request's task was cancelled.
    #[error("the request was cancelled ({0})")]
    Cancelled(CancelReason),
    /// The request's task ended in another error, such as a response that is larger than the transport's limit.
    #[error(transparent)]
    Task(TaskError),
    /// The dispatcher or its transport failed. If it is [retryable](Error::is_retryable), the request may have been
    /// accepted all the same.
    #[error(transparent)]
    Dispatch(DispatchError),
}

/// An error of the dispatcher. Two are equal if they say the same.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct DispatchError(Arc<Error>);

impl DispatchError {
    pub(super) fn new(error: Error) -> Self {
        Self(Arc::new(error))
    }

    /// The error.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.0
    }
}

impl PartialEq for DispatchError {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Eq for DispatchError {}
