use serde_json::value::RawValue;

/// The id of a request, as its JSON text: a string, a number or `null`. It is answered as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id(Box<str>);

impl Id {
    /// `null`: the id of an answer to a request whose id is not known.
    pub(crate) fn null() -> Self {
        Self("null".into())
    }

    /// `None` if it is neither a string nor a number nor `null`.
    pub(super) fn parse(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let is_id = text == "null" || text.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
        is_id.then(|| Self(text.into()))
    }

    pub(super) fn as_json(&self) -> &str {
        &self.0
    }
}
