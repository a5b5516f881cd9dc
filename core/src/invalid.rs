use std::borrow::Cow;

/// A value that was refused before anything was queued: which field, what is wrong with it, and
/// what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; {hint}")]
#[non_exhaustive]
pub struct Invalid {
    /// The setter, argument or option that carried the value, such as `worker_id`.
    pub field: &'static str,
    /// What is wrong with the value.
    pub problem: Cow<'static, str>,
    /// The way out.
    pub hint: Cow<'static, str>,
}

impl Invalid {
    /// A refusal of `field`.
    pub fn new(
        field: &'static str,
        problem: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field, problem: problem.into(), hint: hint.into() }
    }
}

/// `text` in quotes for an error message, cut short so that a hostile value can't flood a log.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 48;
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{:?}… ({} bytes)", &text[..cut], text.len()),
        None => format!("{text:?}"),
    }
}
