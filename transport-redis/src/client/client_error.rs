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
    /// Another server of the cluster has the keys now, or none has them for the moment, in the words of the server that was
    /// asked.
    #[error("{0}")]
    Moved(String),
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
        // Of a script. Before Redis 7.2 it is not told which command it was.
        if text.contains("ACL failure in script") || text.contains("The user executing the script can't") {
            let hint =
                "ACL LOG at the server names the right, and docs/operations.md lists all that are needed";
            return Self::Refused(format!("{text}; {hint}"));
        }
        match code_of(text) {
            "WRONGPASS" | "NOAUTH" | "NOPERM" => Self::Refused(text.to_owned()),
            // UNBLOCKED ends a blocking command of a server that becomes a replica.
            "READONLY" | "LOADING" | "MASTERDOWN" | "UNBLOCKED" => Self::Demoted(text.to_owned()),
            // ASK and TRYAGAIN are said of a slot that is on its way to another server: a script that followed it would see a
            // part of its keys.
            "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" => Self::Moved(text.to_owned()),
            "BUSY" | "OOM" | "MISCONF" | "NOREPLICAS" => Self::Busy(text.to_owned()),
            // To WAIT and WAITAOF.
            "ERR" if text.contains("cannot be used with replica instances") => Self::Demoted(text.to_owned()),
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
        matches!(self, Self::Lost(_) | Self::Demoted(_) | Self::Moved(_) | Self::Busy(_))
    }
}

/// The code of an error. Of an error within a script, Redis 6.2 says first where that was, as in
/// `ERR Error running script (call to f_1a2b): @user_script:2: @user_script: 2: -READONLY You can't write`.
fn code_of(text: &str) -> &str {
    let first = |text: &'_ str| text.split([' ', ':']).next().unwrap_or_default().len();
    let code = &text[..first(text)];
    if !(text.contains("user_script") && matches!(code, "ERR" | "@user_script" | "user_script")) {
        return code;
    }
    text.split_once(" -").map_or(code, |(_, inner)| &inner[..first(inner)])
}

impl From<ClientError> for TransportError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Lost(_)
            | ClientError::Demoted(_)
            | ClientError::Moved(_)
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
            "UNBLOCKED force unblock",
            "ERR WAIT cannot be used with replica instances. Please also note that writes are local.",
        ];
        for text in demoted {
            assert_eq!(ClientError::of_server(text), ClientError::Demoted(text.into()));
        }
        for text in [
            "MOVED 3999 127.0.0.1:6381",
            "ASK 3999 127.0.0.1:6381",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "CLUSTERDOWN The cluster is down",
        ] {
            assert_eq!(ClientError::of_server(text), ClientError::Moved(text.into()));
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
        for text in [
            "ERR syntax error",
            "ERR user_script:3: attempt to index a nil value script: 1a2b, on @user_script:3.",
            "WRONGTYPE Operation against a key -READONLY @user_script",
        ] {
            assert_eq!(ClientError::of_server(text), ClientError::Server(text.into()));
        }
    }

    #[test]
    fn what_was_wrong_in_a_script_is_sorted_by_its_own_code() {
        for place in [
            "ERR Error running script (call to f_1a2b): @user_script:2: @user_script: 2: ",
            "@user_script: 19: ",
        ] {
            let text = |error: &str| format!("{place}-{error} and why");
            for error in ["READONLY", "LOADING", "MASTERDOWN"] {
                assert_eq!(ClientError::of_server(&text(error)), ClientError::Demoted(text(error)));
            }
            for error in ["OOM", "MISCONF"] {
                assert_eq!(ClientError::of_server(&text(error)), ClientError::Busy(text(error)));
            }
            let wrong_type = text("WRONGTYPE");
            assert_eq!(ClientError::of_server(&wrong_type), ClientError::Server(wrong_type));
        }
    }
}
