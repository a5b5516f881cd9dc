use std::fmt;

use rhai_dispatcher_core::{TaskErrorKind, TaskId};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::RefusalCode;

/// An error object: what the gateway answers in place of a result.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    code: i32,
    message: String,
    #[serde(default)]
    data: Map<String, Value>,
}

impl Refusal {
    /// One of an entrance that has no error object.
    pub(crate) fn new(code: RefusalCode, message: &str, reason: String) -> Self {
        let data = Map::from_iter([("reason".to_owned(), Value::String(reason))]);
        Self { code: code.number(), message: message.to_owned(), data }
    }

    /// What its code stands for.
    #[must_use]
    pub const fn code(&self) -> RefusalCode {
        RefusalCode::of(self.code)
    }

    /// The message, which is always the same for one code, such as `Method not found`.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What there is to say beyond the message, by name; docs/gateway.md lists it.
    #[must_use]
    pub const fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// A sentence for a person; the message if there is none.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.text("reason").unwrap_or(&self.message)
    }

    /// The task of the call, if it has come to one.
    #[must_use]
    pub fn task_id(&self) -> Option<TaskId> {
        self.text("taskId")?.parse().ok()
    }

    /// The kind of the error in which the task ended.
    #[must_use]
    pub fn task_error_kind(&self) -> Option<TaskErrorKind> {
        serde_json::from_value(self.data.get("kind")?.clone()).ok()
    }

    /// The limit that was exceeded, by its name in the gateway's configuration.
    #[must_use]
    pub fn limit(&self) -> Option<&str> {
        self.text("limit")
    }

    /// The value of that limit.
    pub(crate) fn max(&self) -> Option<u64> {
        self.data.get("max")?.as_u64()
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        use RefusalCode::{LimitExceeded, QueueFull, Unavailable};
        matches!(self.code(), LimitExceeded | QueueFull | Unavailable)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name)?.as_str()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, .. } = self;
        match self.text("reason") {
            Some(reason) => write!(f, "{message} ({code}): {reason}"),
            None => write!(f, "{message} ({code})"),
        }
    }
}
