/// Why the client has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    /// The connection could not be made, or was lost.
    #[error("{0}")]
    Lost(String),
    /// There was no answer in time.
    #[error("no answer within the call timeout; the last problem was: {0}")]
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
            "WRONGPASS" | "NOAUTH" | "NOPERM" | "READONLY" => Self::Refused(text.to_owned()),
            "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "OOM" | "MISCONF"
            | "NOREPLICAS" => Self::Lost(text.to_owned()),
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
}
