use std::fmt::Display;

use rhai::EvalAltResult;

use crate::config::LimitName;

/// A limit that a script went over. No `try` catches it, like Rhai's own limits.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LimitExceeded(String);

impl LimitExceeded {
    /// A limit that is fixed: what there is too much of, and how much there may be.
    pub(crate) fn fixed(what: &str, limit: usize) -> Self {
        Self(format!("{what} (limit: {limit})"))
    }

    /// A limit of the configuration, with its value. See [`exceeded`].
    pub(crate) fn new(what: impl Display, name: LimitName, limit: impl Display) -> Self {
        Self(exceeded(what, name, limit))
    }
}

impl From<LimitExceeded> for Box<EvalAltResult> {
    fn from(error: LimitExceeded) -> Self {
        EvalAltResult::ErrorSystem(String::new(), Box::new(error)).into()
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
