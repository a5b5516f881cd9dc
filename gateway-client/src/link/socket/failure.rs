use crate::error::ClientError;

/// Why the gateway was not reached, or was lost.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// The other end does not want this client: to try again soon leads to the same.
    Refused(ClientError),
    /// It can't be reached, or does not answer.
    Unreachable(String),
    /// The connection has ended. It may have been closed because it was idle.
    Ended { reason: String, is_idle: bool },
}

impl Failure {
    pub(super) fn ended(reason: impl Into<String>) -> Self {
        Self::Ended { reason: reason.into(), is_idle: false }
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
