use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Code;
use crate::metrics::count_limit;

/// Why a request has no result.
///
/// Its message is that of its code; what there is to say beyond it is in `data`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ErrorObject {
    code: i32,
    message: &'static str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    data: Map<String, Value>,
}

impl ErrorObject {
    pub(crate) fn new(code: Code) -> Self {
        Self { code: code.number(), message: code.message(), data: Map::new() }
    }

    /// With a sentence for a person, as `data.reason`.
    pub(crate) fn because(code: Code, reason: impl Into<String>) -> Self {
        Self::new(code).with("reason", reason.into())
    }

    /// What a limit of this name refuses. It is counted as refused.
    pub(crate) fn limit(name: &'static str, limit: usize, reason: impl Into<String>) -> Self {
        count_limit(name);
        Self::because(Code::LimitExceeded, reason).with("limit", name).with("max", json!(limit))
    }

    /// The number of its code.
    pub(crate) fn code(&self) -> i32 {
        self.code
    }

    /// The sentence for a person; its message if it has none.
    pub(crate) fn reason(&self) -> &str {
        self.data.get("reason").and_then(Value::as_str).unwrap_or(self.message)
    }

    /// Adds a member to `data`.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }
}

impl From<Code> for ErrorObject {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}
