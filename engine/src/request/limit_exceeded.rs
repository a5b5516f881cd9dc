/// A limit of ours that a script went over. No `try` catches it, like Rhai's own limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (limit: {limit})")]
pub(crate) struct LimitExceeded {
    /// What there was too much of.
    pub(crate) what: &'static str,
    /// How much there may be.
    pub(crate) limit: usize,
}

impl From<LimitExceeded> for Box<rhai::EvalAltResult> {
    fn from(error: LimitExceeded) -> Self {
        rhai::EvalAltResult::ErrorSystem(String::new(), Box::new(error)).into()
    }
}
