use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Json;
use crate::Invalid;
use crate::invalid::quoted;

/// Why a task ended in an error: part of its outcome, not a failure of the dispatcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskError {
    /// What sort of error.
    pub kind: TaskErrorKind,
    /// What happened, in words, without the position.
    pub message: String,
    /// The line of the script, from 1.
    pub line: Option<u32>,
    /// The column in that line, from 1, counted in characters.
    pub column: Option<u32>,
    /// What the script threw, as JSON, with secrets as `"[secret]"`: `{"code":7}` of `throw #{ code: 7 }`. Of an error
    /// that came from a call, such as `dispatch`, the `value` of that error. `None` if the error is a message
    /// only, if the value has no JSON form, or if it is longer than the worker's `max_output_bytes`.
    #[serde(default)]
    pub value: Option<Json>,
}

impl TaskError {
    /// An error without a position.
    pub fn new(kind: TaskErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), line: None, column: None, value: None }
    }

    /// The same error at a position of the script.
    #[must_use]
    pub fn at(mut self, line: Option<u32>, column: Option<u32>) -> Self {
        self.line = line;
        self.column = column;
        self
    }

    /// The same error with what was thrown.
    #[must_use]
    pub fn with_value(mut self, value: Option<Json>) -> Self {
        self.value = value;
        self
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, " (line {line}, column {column})"),
            (Some(line), None) => write!(f, " (line {line})"),
            (None, _) => Ok(()),
        }
    }
}

impl std::error::Error for TaskError {}

/// The sorts of errors in which a task can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskErrorKind {
    /// The script does not parse.
    Parse,
    /// The script raised an error, or called something that did.
    Runtime,
    /// It went over a limit, which the message names with its value.
    Limit,
    /// It ran longer than its worker allows.
    Timeout,
    /// Rust code that it called panicked.
    Panic,
    /// What it returned has no JSON form.
    Output,
    /// Worker instances died while they ran it, once too often.
    Crashed,
    /// Its payload could not be read.
    Undecodable,
    /// The handler does not know this sort of payload, or something that it asks for.
    Unsupported,
    /// The worker has no method of this name.
    UnknownMethod,
    /// The parameters of a call do not fit its method.
    BadParams,
}

impl TaskErrorKind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Parse,
        Self::Runtime,
        Self::Limit,
        Self::Timeout,
        Self::Panic,
        Self::Output,
        Self::Crashed,
        Self::Undecodable,
        Self::Unsupported,
        Self::UnknownMethod,
        Self::BadParams,
    ];

    /// The kind as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Runtime => "runtime",
            Self::Limit => "limit",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
            Self::Output => "output",
            Self::Crashed => "crashed",
            Self::Undecodable => "undecodable",
            Self::Unsupported => "unsupported",
            Self::UnknownMethod => "unknown_method",
            Self::BadParams => "bad_params",
        }
    }

    /// Whether another try may end otherwise. A script that does not parse or that went over a
    /// limit will do so again.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Runtime | Self::Timeout | Self::Panic)
    }
}

impl fmt::Display for TaskErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TaskErrorKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Invalid::new(
                "kind",
                format!("{} is not a kind of error", quoted(text)),
                format!("use one of {names}"),
            )
        })
    }
}
