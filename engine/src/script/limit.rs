use std::fmt::Display;

use rhai::EvalAltResult;

/// A limit of a setting that a script went over. No `try` catches it, like Rhai's own limits.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct OverLimit(String);

/// The message of a limit that was exceeded: what there is too much of, the limit, and how it is raised.
/// `setting` is a field of [`EngineConfig`](crate::EngineConfig) that `--limit` of `rhaid` sets as well.
pub(crate) fn exceeded(what: impl Display, setting: &str, limit: impl Display) -> String {
    format!("{what} (limit: {limit}); {}", raise(setting))
}

/// The error that ends a script which went over the limit of a setting.
pub(crate) fn over(what: impl Display, setting: &str, limit: impl Display) -> Box<EvalAltResult> {
    EvalAltResult::ErrorSystem(String::new(), Box::new(OverLimit(exceeded(what, setting, limit)))).into()
}

/// How the limit of a setting is raised.
pub(crate) fn raise(setting: &str) -> String {
    format!("raise {setting} with `--limit {setting}=…` or `EngineConfig::with_{setting}`")
}
