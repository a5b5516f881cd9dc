use std::fmt::Display;

use rhai::EvalAltResult;

/// A limit that a script went over. No `try` catches it, like Rhai's own limits.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LimitExceeded(String);

impl LimitExceeded {
    /// A limit that is fixed: what there is too much of, and how much there may be.
    pub(crate) fn fixed(what: &str, limit: usize) -> Self {
        Self(format!("{what} (limit: {limit})"))
    }

    /// The limit of a setting. See [`exceeded`].
    pub(crate) fn of_setting(what: impl Display, setting: &str, limit: impl Display) -> Self {
        Self(exceeded(what, setting, limit))
    }
}

impl From<LimitExceeded> for Box<EvalAltResult> {
    fn from(error: LimitExceeded) -> Self {
        EvalAltResult::ErrorSystem(String::new(), Box::new(error)).into()
    }
}

/// The message of a limit that was exceeded: what there is too much of, the limit, and how it is raised.
/// `setting` is a field of [`EngineConfig`](crate::EngineConfig) that `--limit` of `rhaid` sets as well.
pub(crate) fn exceeded(what: impl Display, setting: &str, limit: impl Display) -> String {
    format!("{what} (limit: {limit}); {}", raise(setting))
}

/// How the limit of a setting is raised.
pub(crate) fn raise(setting: &str) -> String {
    format!("raise {setting} with `--limit {setting}=…` or `EngineConfig::with_{setting}`")
}
