use std::fmt;
use std::sync::Arc;

use rhai_dispatcher_core::{Invalid, TaskId};

/// The id of a task that a client of the list protocol has chosen.
///
/// 1 to 128 characters of `[A-Za-z0-9._-]`, and none of [`ListId::RESERVED`]: it stands in the names of keys, and must
/// not be that of another key. It may have the form of a task's id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ListId(Arc<str>);

impl ListId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Names of keys that do not belong to clients.
    pub const RESERVED: [&'static str; 2] = ["libraries", "queues"];

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same as the id of a task, if it has that form.
    #[must_use]
    pub fn as_task_id(&self) -> Option<TaskId> {
        self.0.parse().ok()
    }
}

impl TryFrom<&str> for ListId {
    type Error = Invalid;

    fn try_from(text: &str) -> Result<Self, Invalid> {
        let problem = if text.is_empty() {
            "is empty".to_owned()
        } else if text.len() > Self::MAX_BYTES {
            format!("{} is longer than {} characters", quoted(text), Self::MAX_BYTES)
        } else if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            format!("{} has a character outside A-Z a-z 0-9 . _ -", quoted(text))
        } else if Self::RESERVED.contains(&text) {
            format!("{} is the name of a key of the dispatcher", quoted(text))
        } else {
            return Ok(Self(text.into()));
        };
        let hint = "name the task in 1 to 128 of A-Z a-z 0-9 . _ -, such as a UUID; not libraries or queues";
        Err(Invalid::new("taskId", problem, hint))
    }
}

impl TryFrom<&[u8]> for ListId {
    type Error = Invalid;

    fn try_from(bytes: &[u8]) -> Result<Self, Invalid> {
        Self::try_from(&*String::from_utf8_lossy(bytes))
    }
}

impl From<TaskId> for ListId {
    fn from(id: TaskId) -> Self {
        Self(id.to_string().into())
    }
}

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// `text` in quotes, cut short so that a hostile id can't flood a log.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 48;
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{:?}… ({} bytes)", &text[..cut], text.len()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_no_key_but_its_own() {
        let long = "x".repeat(128);
        for good in ["job-1", "8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90", "reply", "a.b_c", &long] {
            assert_eq!(ListId::try_from(good).expect(good).as_str(), good);
        }
        let longer = "x".repeat(129);
        for bad in ["", "a b", "a:b", "{a}", "reply:x", "ä", "a\n", "queues", "libraries", &longer] {
            assert_eq!(ListId::try_from(bad).expect_err(bad).field, "taskId");
        }
        assert!(ListId::try_from(b"\xff\xfe".as_slice()).is_err(), "bytes that are not text");
    }

    #[test]
    fn an_id_may_have_the_form_of_a_task_id() {
        let id = TaskId::new();
        assert_eq!(ListId::from(id).as_task_id(), Some(id));
        assert_eq!(ListId::try_from("job-1").expect("an id").as_task_id(), None);
    }
}
