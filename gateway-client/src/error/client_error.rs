use rhai_dispatcher_core::{CancelReason, Invalid, TaskId};
use serde_json::Value;

use super::{Refusal, RefusalCode};

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A setting or a parameter can't be used. Nothing was sent.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There was no connection within [`connect_timeout`](crate::ClientConfig::connect_timeout). The call was not sent.
    ///
    /// Likely causes: the gateway does not run, the address is another one, or a proxy is in the way.
    #[error("not connected to the gateway: {reason}; the call was not sent")]
    NotConnected {
        /// Why the last attempt failed.
        reason: String,
    },
    /// The certificate of the gateway is not trusted: its authority is not known, it is for another name, or it has expired. The
    /// call was not sent, at once and without another attempt.
    #[error("the certificate of the gateway is not trusted: {reason}; the call was not sent")]
    Untrusted {
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// The connection ended after the call was sent and before it was answered. Its task may run, may have run, or may not
    /// exist; if it waits or runs, the gateway cancels it, unless it is kept. Repeat the call only if its effects bear it, or
    /// with a request id.
    #[error("the connection to the gateway was lost: {reason}; the call may have been carried out")]
    ConnectionLost {
        /// How it ended.
        reason: String,
    },
    /// There was no answer in time, or the gateway answered that the task did not end in time, and then it has cancelled it.
    #[error("the call was not answered in time{}", if *.may_have_run { "" } else { "; it was not sent" })]
    TimedOut {
        /// The task, if it was the gateway that answered.
        task_id: Option<TaskId>,
        /// Whether the call may have been carried out.
        may_have_run: bool,
    },
    /// The task was cancelled.
    #[error("the task was cancelled")]
    Cancelled {
        /// The task.
        task_id: Option<TaskId>,
        /// Why.
        reason: Option<CancelReason>,
    },
    /// The gateway answered with another error: it refuses the call, or the task ended in an error
    /// ([`TaskFailed`](RefusalCode::TaskFailed)).
    #[error("{0}")]
    Refused(Refusal),
    /// The answer is not what it should be: the result is not of the type that was asked for, or the other end is not a
    /// gateway.
    #[error("the answer of the gateway can't be used: {problem}")]
    BadAnswer {
        /// What is wrong with it.
        problem: String,
    },
}

impl ClientError {
    /// Whether the call may have been carried out, as a whole or in part. If not, it can be repeated without a second
    /// effect.
    #[must_use]
    pub const fn may_have_run(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::NotConnected { .. } | Self::Untrusted { .. } => false,
            Self::ConnectionLost { .. } | Self::Cancelled { .. } | Self::BadAnswer { .. } => true,
            Self::TimedOut { may_have_run, .. } => *may_have_run,
            Self::Refused(refusal) => refusal.code().may_have_run(),
        }
    }

    /// Whether the same call may succeed later. Look at [`may_have_run`](Self::may_have_run) before you repeat it.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NotConnected { .. } | Self::ConnectionLost { .. } | Self::TimedOut { .. } => true,
            Self::Refused(refusal) => refusal.is_retryable(),
            Self::Invalid(_) | Self::Untrusted { .. } | Self::Cancelled { .. } | Self::BadAnswer { .. } => {
                false
            }
        }
    }

    pub(crate) fn bad_answer(problem: impl ToString) -> Self {
        Self::BadAnswer { problem: problem.to_string() }
    }
}

impl From<Refusal> for ClientError {
    fn from(refusal: Refusal) -> Self {
        match refusal.code() {
            RefusalCode::Timeout => Self::TimedOut { task_id: refusal.task_id(), may_have_run: true },
            RefusalCode::Cancelled => Self::Cancelled {
                task_id: refusal.task_id(),
                reason: refusal
                    .text("cancelReason")
                    .and_then(|reason| serde_json::from_value(Value::String(reason.to_owned())).ok()),
            },
            _ => Self::Refused(refusal),
        }
    }
}
