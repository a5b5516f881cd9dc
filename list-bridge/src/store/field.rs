use rhai_dispatcher_redis::ServerReply;

/// A field of a client's hash, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    /// It is absent or empty.
    Absent,
    Text(String),
    /// It has so many bytes, more than it may.
    TooLong(u64),
    /// Its bytes are not UTF-8.
    NotText,
}

impl Field {
    pub(super) fn parse(value: &ServerReply) -> Self {
        if value.is_nil() {
            return Self::Absent;
        }
        match (value.as_bytes(), value.as_str()) {
            (_, Some(text)) => Self::Text(text.to_owned()),
            (Some(_), None) => Self::NotText,
            (None, None) => value.as_u64().map_or(Self::Absent, Self::TooLong),
        }
    }

    /// The text, if it has one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How many bytes it has, if they are not more than `most`.
    pub(super) fn bytes_within(&self, most: usize) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::TooLong(bytes) => usize::try_from(*bytes).ok().filter(|bytes| *bytes <= most).unwrap_or(0),
            Self::Absent | Self::NotText => 0,
        }
    }

    /// The text, or an empty one.
    pub(crate) fn or_empty(&self) -> String {
        self.text().unwrap_or_default().to_owned()
    }

    /// The text if there is one; the problem with it if it can't be used.
    pub(crate) fn check(&self, longest: usize) -> Result<Option<&str>, String> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::TooLong(bytes) => Err(format!("has {bytes} bytes, and the limit is {longest}")),
            Self::NotText => Err("is not UTF-8".to_owned()),
        }
    }
}
