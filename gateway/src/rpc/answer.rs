use serde_json::Value;

use super::{ErrorObject, Id};

/// The answer to a request, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer(String);

impl Answer {
    /// That of a request with a result, which is JSON, or an error.
    pub(crate) fn of(id: &Id, result: Result<&str, &ErrorObject>) -> Self {
        match result {
            Ok(result) => Self::result(id, result),
            Err(error) => Self::error(id, error),
        }
    }

    /// `result` is JSON.
    pub(crate) fn result(id: &Id, result: &str) -> Self {
        let id = id.as_json();
        Self(format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#))
    }

    pub(crate) fn error(id: &Id, error: &ErrorObject) -> Self {
        // Nothing of it fails to be JSON: its keys are texts.
        let error = serde_json::to_string(error).unwrap_or_default();
        let id = id.as_json();
        Self(format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#))
    }

    /// The answer to a batch: those to its entries that have one; none if no entry has.
    pub(crate) fn batch(answers: &[Self]) -> Option<Self> {
        if answers.is_empty() {
            return None;
        }
        let bytes: usize = answers.iter().map(|answer| answer.0.len() + 1).sum();
        let mut text = String::with_capacity(bytes + 1);
        for answer in answers {
            text.push(if text.is_empty() { '[' } else { ',' });
            text.push_str(&answer.0);
        }
        text.push(']');
        Some(Self(text))
    }

    /// Bytes of its text.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// A message from the gateway that has no answer.
pub(crate) fn notification(method: &str, params: &Value) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}
