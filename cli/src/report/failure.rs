use std::borrow::Cow;
use std::time::Duration;

use rhai_dispatcher::task::{Json, Progress};
use rhai_dispatcher::{RhaiDispatcherError, TaskError, TaskId};
use serde::Serialize;

use crate::exit::Exit;

/// Why a script did not complete, or a command could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// What sort: that of the task's error, or [`INVALID`](Self::INVALID), `timeout`, `cancelled`,
    /// `not_found`, `not_ready`, `dispatcher`, `worker`, `system`, [`SERVER`](Self::SERVER).
    pub(crate) kind: Cow<'static, str>,
    /// What happened, in words.
    pub(crate) message: String,
    /// The line of the script, from 1.
    pub(crate) line: Option<u32>,
    /// The column in that line, from 1, in characters.
    pub(crate) column: Option<u32>,
    /// What the script threw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Json>,
}

impl Failure {
    /// The kind of those that are the server's.
    pub(crate) const SERVER: &'static str = "server";

    /// The kind of those that are the command line's.
    pub(crate) const INVALID: &'static str = "invalid";

    /// A failure without a position.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), line: None, column: None, value: None }
    }

    /// It went beyond the time that the command line gives.
    pub(crate) fn timed_out(timeout: Duration) -> Self {
        let timeout = humantime::format_duration(timeout);
        Self::new("timeout", format!("the script did not end within {timeout}; --timeout gives it longer"))
    }

    /// The same, and no worker has begun it.
    pub(crate) fn not_begun(timeout: Duration, why: &Progress) -> Self {
        let timeout = humantime::format_duration(timeout);
        let way_out = match why {
            Progress::NotServed { .. } => "start one with `rhaid worker`",
            Progress::Paused { .. } => "resume it with `rhaid resume`",
            _ => "--timeout gives it longer",
        };
        Self::new("timeout", format!("no worker began the script within {timeout}: {why}; {way_out}"))
    }

    /// The same, where the task is left alone.
    pub(crate) fn without_outcome(id: TaskId, timeout: Duration) -> Self {
        let timeout = humantime::format_duration(timeout);
        Self::new(
            "timeout",
            format!("task {id} did not end within {timeout} and has no outcome yet; see `rhaid wait`"),
        )
    }

    /// The time is over, and there was no server to hear from.
    pub(crate) fn connection_lost(id: TaskId) -> Self {
        let message =
            format!("the connection to the server is lost, and what became of task {id} is not known");
        Self::new(Self::SERVER, message)
    }

    /// Somebody pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new("cancelled", "the script was interrupted")
    }

    /// How the process ends because of it.
    pub(crate) fn exit(&self) -> Exit {
        if self.kind == Self::SERVER { Exit::Server } else { Exit::Failure }
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        let TaskError { kind, message, line, column, value, .. } = error;
        Self { kind: kind.as_str().into(), message, line, column, value }
    }
}

impl From<RhaiDispatcherError> for Failure {
    fn from(error: RhaiDispatcherError) -> Self {
        match error {
            RhaiDispatcherError::Script(error) => error.into(),
            RhaiDispatcherError::Invalid(invalid) => Self::new(Self::INVALID, invalid.to_string()),
            error @ RhaiDispatcherError::NotFound(_) => Self::new("not_found", error.to_string()),
            error @ RhaiDispatcherError::Timeout(_) => Self::new("timeout", error.to_string()),
            error @ (RhaiDispatcherError::Unavailable(_)
            | RhaiDispatcherError::Refused(_)
            | RhaiDispatcherError::Protocol(_)) => Self::new(Self::SERVER, error.to_string()),
            error => Self::new("dispatcher", error.to_string()),
        }
    }
}
