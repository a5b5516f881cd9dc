use std::borrow::Cow;
use std::time::Duration;

use rhai_dispatcher::task::{Json, Progress};
use rhai_dispatcher::{RhaiDispatcherError, TaskError, TaskId};
use serde::Serialize;

use crate::exit::Exit;

/// Why a script did not complete, or a command could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// The kind: that of the task's error, or [`INVALID`](Self::INVALID), `timeout`, `cancelled`,
    /// `not_found`, `not_ready`, `dispatcher`, `worker`, `system`, [`SERVER`](Self::SERVER).
    pub(crate) kind: Cow<'static, str>,
    /// The description for people.
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
    /// The kind of the server's errors.
    pub(crate) const SERVER: &'static str = "server";

    /// The kind of errors of the command line.
    pub(crate) const INVALID: &'static str = "invalid";

    /// A failure without a position.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), line: None, column: None, value: None }
    }

    /// The script ran longer than the command's timeout.
    pub(crate) fn timed_out(timeout: Duration) -> Self {
        let timeout = humantime::format_duration(timeout);
        Self::new("timeout", format!("the script did not end within {timeout}; --timeout gives it longer"))
    }

    /// The command's timeout is over, and no worker has started the script.
    pub(crate) fn not_begun(timeout: Duration, why: &Progress) -> Self {
        let timeout = humantime::format_duration(timeout);
        let way_out = match why {
            Progress::NotServed { .. } => "start one with `rhaid worker`",
            Progress::Paused { .. } => "resume it with `rhaid resume`",
            _ => "--timeout gives it longer",
        };
        Self::new("timeout", format!("no worker began the script within {timeout}: {why}; {way_out}"))
    }

    /// The command's timeout is over, and the task continues.
    pub(crate) fn without_outcome(id: TaskId, timeout: Duration) -> Self {
        let timeout = humantime::format_duration(timeout);
        Self::new(
            "timeout",
            format!("task {id} did not end within {timeout} and has no outcome yet; see `rhaid wait`"),
        )
    }

    /// The command's timeout is over, and the server could not be asked about the task.
    pub(crate) fn connection_lost(id: TaskId) -> Self {
        let message =
            format!("the connection to the server is lost, and the state of task {id} is not known");
        Self::new(Self::SERVER, message)
    }

    /// An interrupt, such as Ctrl-C, ended the script.
    pub(crate) fn interrupted() -> Self {
        Self::new("cancelled", "the script was interrupted")
    }

    /// The exit code for this failure.
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
            RhaiDispatcherError::Invalid(invalid) if invalid.field == "worker_id" => {
                let hint = invalid.hint.replace("worker_id(...)", "--worker");
                Self::new(Self::INVALID, format!("--worker: {}; {hint}", invalid.problem))
            }
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
