use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Invalid;
use crate::invalid::quoted;

/// The name of a queue. Many worker instances may serve one worker id.
///
/// 1 to 128 characters of `[A-Za-z0-9._-]`; not shaped like a UUID, which would read as a task
/// id, and not one of [`WorkerId::RESERVED`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
pub struct WorkerId(Arc<str>);

impl WorkerId {
    /// The longest worker id, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Words that stand for something else in keys, URLs and commands.
    pub const RESERVED: [&'static str; 10] =
        [".", "..", "all", "any", "inbox", "queue", "reply", "self", "task", "worker"];

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<(), Invalid> {
        let problem = if text.is_empty() {
            "is empty".to_owned()
        } else if text.len() > Self::MAX_BYTES {
            format!("{} is longer than {} characters", quoted(text), Self::MAX_BYTES)
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            format!("{} has a character outside A-Z a-z 0-9 . _ -", quoted(text))
        } else if Uuid::try_parse(text).is_ok() {
            format!("{} has the shape of a task id", quoted(text))
        } else if Self::RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            format!("{} is a reserved word", quoted(text))
        } else {
            return Ok(());
        };
        Err(Invalid::new(
            "worker_id",
            problem,
            "name the queue in 1 to 128 of A-Z a-z 0-9 . _ -, such as worker-1; not all, any, inbox, queue, reply, self, \
             task or worker",
        ))
    }
}

impl TryFrom<Arc<str>> for WorkerId {
    type Error = Invalid;

    fn try_from(text: Arc<str>) -> Result<Self, Invalid> {
        Self::check(&text)?;
        Ok(Self(text))
    }
}

impl TryFrom<&str> for WorkerId {
    type Error = Invalid;

    fn try_from(text: &str) -> Result<Self, Invalid> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for WorkerId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::try_from(text.as_str())
    }
}

impl FromStr for WorkerId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::try_from(text)
    }
}

impl From<WorkerId> for Arc<str> {
    fn from(id: WorkerId) -> Self {
        id.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_queues_are_taken() {
        for good in ["worker-1", "a", "A.b_c-9", &"x".repeat(128)] {
            assert_eq!(WorkerId::try_from(good).expect(good).as_str(), good);
        }
        for bad in [
            "",
            " ",
            "a b",
            "ä",
            "a:b",
            "{a}",
            "a\n",
            ".",
            "..",
            "reply",
            "Inbox",
            &"x".repeat(129),
            "8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90",
            "8c1b7f0e52a44c1d9a370f2d6a1e4b90",
        ] {
            let error = WorkerId::try_from(bad).expect_err(bad);
            assert_eq!(error.field, "worker_id");
        }
    }
}
