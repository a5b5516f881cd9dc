use std::fmt::Display;

use rhai::{EvalAltResult, Position};

use crate::config::LimitName;

/// A limit that a script went over. No `try` catches it, like Rhai's own limits.
#[derive(Debug)]
pub(crate) struct LimitExceeded(String);

/// What its message begins with while it is an error of Rhai's: no text of Rhai's does.
const OURS: char = '\u{1}';

impl LimitExceeded {
    /// A limit that is fixed: what there is too much of, and how much there may be.
    pub(crate) fn fixed(what: &str, limit: usize) -> Self {
        Self(format!("{what} (limit: {limit}); that limit is fixed"))
    }

    /// Its message, of the text of an `ErrorDataTooLarge`; `None` if that is about the size of a value.
    pub(crate) fn message_of(text: &str) -> Option<&str> {
        text.strip_prefix(OURS)
    }

    /// A limit of the configuration, with its value. See [`exceeded`].
    pub(crate) fn new(what: impl Display, name: LimitName, limit: impl Display) -> Self {
        Self(exceeded(what, name, limit))
    }
}

/// A sort of error that gets the position of the call, and that no `try` catches.
impl From<LimitExceeded> for Box<EvalAltResult> {
    fn from(LimitExceeded(message): LimitExceeded) -> Self {
        EvalAltResult::ErrorDataTooLarge(format!("{OURS}{message}"), Position::NONE).into()
    }
}

/// The message of a limit that was exceeded: what there is too much of, the limit, and how it is raised.
pub(crate) fn exceeded(what: impl Display, name: LimitName, limit: impl Display) -> String {
    format!("{what} (limit: {limit}); {}", raise(name))
}

/// How a limit is raised.
pub(crate) fn raise(name: LimitName) -> String {
    format!("raise {name} with `--limit {name}=…` or `EngineConfig::with_{name}`")
}
