use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::error::ClientError;

/// Why the gateway was not reached, or was lost.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// The other end does not want this client: to try again soon leads to the same.
    Refused(ClientError),
    /// It can't be reached, or does not answer.
    Unreachable(String),
    /// The connection has ended.
    Ended { reason: String, how: Ending },
}

/// How a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The gateway has closed it since it was idle: no call without an answer was begun.
    Idle,
    /// The gateway has closed it since it shuts down, after the last answer: no call without an answer was begun.
    Shutdown,
    /// It is not known what the gateway has done of the calls without an answer.
    Lost,
}

impl Ending {
    /// What the gateway says when it closes a connection. The code alone may be that of a proxy, which knows of no calls.
    pub(super) fn of(code: CloseCode, reason: &str) -> Self {
        match (code, reason) {
            (CloseCode::Normal, "idle") => Self::Idle,
            (CloseCode::Away, "the gateway shuts down") => Self::Shutdown,
            _ => Self::Lost,
        }
    }
}

impl Failure {
    /// Whether the gateway has begun no call that it has not answered.
    pub(super) const fn began_nothing(&self) -> bool {
        matches!(self, Self::Ended { how: Ending::Idle | Ending::Shutdown, .. })
    }

    pub(super) fn ended(reason: impl Into<String>) -> Self {
        Self::Ended { reason: reason.into(), how: Ending::Lost }
    }

    /// The error of a call that was not sent.
    pub(super) fn not_sent(&self) -> ClientError {
        match self {
            Self::Refused(error) => error.clone(),
            Self::Unreachable(reason) | Self::Ended { reason, .. } => {
                ClientError::NotConnected { reason: reason.clone() }
            }
        }
    }

    /// The error of a call that was sent and has no answer.
    pub(super) fn sent(&self) -> ClientError {
        let reason = match self {
            Self::Refused(error) => error.to_string(),
            Self::Unreachable(reason) | Self::Ended { reason, .. } => reason.clone(),
        };
        ClientError::ConnectionLost { reason }
    }
}
