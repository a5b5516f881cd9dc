use std::sync::Arc;

use rhai_dispatcher_core::TransportError;

/// Why the client has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The connection could not be made, or was lost.
    #[error("{0}")]
    Lost(String),
    /// The server at the other end can't serve now, in its own words: it has become a replica, loads its data or
    /// has lost its master. Another one may answer at the same address, so the connection is to be left.
    #[error("{0}")]
    Demoted(String),
    /// The server carries nothing out for now, in its own words: its memory or its disk is full, a script blocks
    /// it. The same connection will do.
    #[error("{0}")]
    Busy(String),
    /// It could not be done in time; why not, in the server's words if it had any.
    #[error("the call timeout is over; the last problem was: {0}")]
    Timeout(String),
    /// The server will not have this client.
    #[error("{0}")]
    Refused(String),
    /// The server answered with an error.
    #[error("{0}")]
    Server(String),
    /// The server's answer is not what was expected.
    #[error("unexpected answer to {0}")]
    Unexpected(&'static str),
}

impl ClientError {
    /// Sorts what a server said into what may pass, what will not, and the rest.
    pub(crate) fn of_server(text: &str) -> Self {
        let code = text.split([' ', ':']).next().unwrap_or_default();
        match code {
            "WRONGPASS" | "NOAUTH" | "NOPERM" => Self::Refused(text.to_owned()),
            // UNBLOCKED ends a blocking command of a server that becomes a replica.
            "READONLY" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "UNBLOCKED" => {
                Self::Demoted(text.to_owned())
            }
            "BUSY" | "TRYAGAIN" | "OOM" | "MISCONF" | "NOREPLICAS" => Self::Busy(text.to_owned()),
            "ERR"
                if text.contains("DB index")
                    || text.contains("invalid password")
                    || text.contains("without any password") =>
            {
                Self::Refused(text.to_owned())
            }
            _ => Self::Server(text.to_owned()),
        }
    }

    /// Whether the same command may succeed soon.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Demoted(_) | Self::Busy(_))
    }
}

impl From<ClientError> for TransportError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Lost(_)
            | ClientError::Demoted(_)
            | ClientError::Busy(_)
            | ClientError::Timeout(_) => Self::Unavailable(Arc::new(error)),
            ClientError::Refused(_) => Self::Refused(Arc::new(error)),
            ClientError::Server(_) | ClientError::Unexpected(_) => Self::Protocol(Arc::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_sorted_by_its_code() {
        let demoted = [
            "READONLY You can't write against a read only replica.",
            "LOADING Redis is loading",
            "MASTERDOWN Link with MASTER is down",
            "CLUSTERDOWN The cluster is down",
            "UNBLOCKED force unblock",
        ];
        for text in demoted {
            assert_eq!(ClientError::of_server(text), ClientError::Demoted(text.into()));
        }
        for text in [
            "OOM command not allowed",
            "MISCONF Errors writing to the AOF file",
            "BUSY Redis is busy",
            "NOREPLICAS Not enough good replicas to write.",
        ] {
            assert_eq!(ClientError::of_server(text), ClientError::Busy(text.into()));
        }
        for text in ["NOPERM this user has no permissions", "WRONGPASS invalid username-password pair"] {
            assert_eq!(ClientError::of_server(text), ClientError::Refused(text.into()));
        }
        assert_eq!(
            ClientError::of_server("ERR syntax error"),
            ClientError::Server("ERR syntax error".into())
        );
    }
}
