use super::remote_error::RemoteError;

/// Why a call of a service has no response.
///
/// The variants say whether the worker may have begun the request: after [`NotSent`](Self::NotSent) and
/// [`WorkerGone`](Self::WorkerGone) it has not and never will, so repeating the call runs the request once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The request did not reach a worker, and is withdrawn.
    #[error("the request was not sent: {0}")]
    NotSent(NotSent),
    /// All workers of the service have ended, and none has begun the request.
    #[error("the worker of this service has ended; start the service again, or supervise it")]
    WorkerGone,
    /// A worker has begun the request and dropped its reply handle: it panicked, ended, or chose not to reply.
    #[error(
        "the worker did not reply: it ended, panicked or dropped the request, which may have had effects"
    )]
    NoReply,
    /// The call's timeout is over. A worker has begun the request, and may complete it; its reply is dropped. Over a
    /// transport it is not known whether a worker has begun it.
    #[error("the worker did not reply within the call's timeout; it may still complete the request")]
    TimedOut,
    /// The service's own error.
    #[error(transparent)]
    Service(E),
    /// Only over a transport: a reason that calls within a process do not have.
    #[error(transparent)]
    Remote(RemoteError),
}

impl<E> CallError<E> {
    /// Whether the same call may succeed later, and runs the request once if it does.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::NotSent(_))
    }
}

/// Why a request did not reach a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// As many requests are queued as may; only of [`try_send_request`](crate::Caller::try_send_request).
    #[error("the backlog is full, {backlog} requests wait; try later, or wait with send_request")]
    BacklogFull {
        /// The limit.
        backlog: usize,
    },
    /// The call's timeout was over before a worker began the request.
    #[error("the call's timeout was over before a worker began it; allow more time, or start more workers")]
    DeadlineOver,
}
