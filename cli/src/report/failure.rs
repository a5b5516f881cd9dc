use std::borrow::Cow;
use std::time::Duration;

use rhai_dispatcher::{RhaiDispatcherError, TaskError};
use serde::Serialize;

/// Why a script did not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// What sort: that of the task's error, or `invalid`, `timeout`, `cancelled`, `dispatcher`.
    pub(crate) kind: Cow<'static, str>,
    /// What happened, in words.
    pub(crate) message: String,
    /// The line of the script, from 1.
    pub(crate) line: Option<u32>,
    /// The column in that line, from 1, in characters.
    pub(crate) column: Option<u32>,
}

impl Failure {
    /// A failure without a position.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), line: None, column: None }
    }

    /// It went beyond the time that the command line gives.
    pub(crate) fn timed_out(timeout: Duration) -> Self {
        let timeout = humantime::format_duration(timeout);
        Self::new("timeout", format!("the script did not end within {timeout}; --timeout gives it longer"))
    }

    /// Somebody pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new("cancelled", "the script was interrupted")
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        let TaskError { kind, message, line, column, .. } = error;
        Self { kind: kind.as_str().into(), message, line, column }
    }
}

impl From<RhaiDispatcherError> for Failure {
    fn from(error: RhaiDispatcherError) -> Self {
        match error {
            RhaiDispatcherError::Script(error) => error.into(),
            RhaiDispatcherError::Invalid(invalid) => Self::new("invalid", invalid.to_string()),
            error => Self::new("dispatcher", error.to_string()),
        }
    }
}
