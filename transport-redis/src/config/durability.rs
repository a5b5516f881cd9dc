use std::time::Duration;

use rhai_dispatcher_core::UrlValue;

/// What has to hold before a submit or a finish counts.
///
/// It is the sender of the submit or finish that waits for this. A caller that waits for the outcome is told of it as
/// soon as the server has it: if the server is lost right then, the task may run again on a replica, and end
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The server has it. What survives the server's death is its configuration's affair
    /// (`appendfsync always` loses nothing).
    #[default]
    Server,
    /// So many replicas have it too (WAIT).
    Replicas {
        /// How many.
        replicas: u32,
        /// How long to wait for them; after that the call fails as unavailable.
        timeout: Duration,
    },
    /// It is in the append-only files of the server and of so many replicas (WAITAOF, Redis 7.2).
    Fsynced {
        /// How many replicas, besides the server itself.
        replicas: u32,
        /// How long to wait for them; after that the call fails as unavailable.
        timeout: Duration,
    },
}

impl Durability {
    /// How long a write waits for others than the server, if it does.
    pub(crate) const fn timeout(self) -> Option<Duration> {
        match self {
            Self::Server => None,
            Self::Replicas { timeout, .. } | Self::Fsynced { timeout, .. } => Some(timeout),
        }
    }
}

/// `server`, `replicas:1:500ms` or `fsynced:1:500ms`.
impl UrlValue for Durability {
    const EXAMPLE: &'static str =
        "server, replicas:1:500ms or fsynced:1:500ms (how many replicas, and how long to wait for them)";

    fn from_text(text: &str) -> Result<Self, String> {
        let words: Vec<_> = text.split(':').collect();
        let [kind, replicas, timeout] = words[..] else {
            return if text == "server" { Ok(Self::Server) } else { Err("is not a durability".into()) };
        };
        let part = |part: &str, problem| format!("has {part:?}, which {problem}");
        let number = u32::from_text(replicas).map_err(|problem| part(replicas, problem))?;
        let timeout = Duration::from_text(timeout).map_err(|problem| part(timeout, problem))?;
        match kind {
            "replicas" => Ok(Self::Replicas { replicas: number, timeout }),
            "fsynced" => Ok(Self::Fsynced { replicas: number, timeout }),
            _ => Err("is not a durability".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durability_is_read_from_text() {
        let timeout = Duration::from_millis(500);
        for (text, durability) in [
            ("server", Durability::Server),
            ("replicas:2:500ms", Durability::Replicas { replicas: 2, timeout }),
            ("fsynced:0:500ms", Durability::Fsynced { replicas: 0, timeout }),
        ] {
            assert_eq!(Durability::from_text(text), Ok(durability));
        }
        for bad in
            ["", "disk", "server:1", "replicas", "replicas:1", "replicas:x:1s", "fsynced:1:5", "acks:1:1s"]
        {
            assert!(Durability::from_text(bad).is_err(), "{bad}");
        }
    }
}
