use std::fmt;

use rhai::{EvalAltResult, Position};

use super::limit_exceeded::exceeded;
use crate::config::{LimitName, ScriptLimits, limit_name};

/// What of a value can be too large. Each has a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Bytes of a string, or of all strings in a value.
    Text,
    /// Elements of an array, or bytes of a blob.
    Array,
    /// Properties of an object map.
    Map,
}

/// A value that is larger than a script may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge {
    size: Size,
    /// How large it is, or would be, if that is known: in bytes, elements or properties.
    found: Option<usize>,
}

impl Size {
    /// What is too large, by Rhai's words for it.
    pub(crate) fn named(what: &str) -> Self {
        match what {
            _ if what.contains("string") => Self::Text,
            _ if what.contains("map") => Self::Map,
            _ => Self::Array,
        }
    }

    /// Rhai's words for it.
    const fn in_rhai(self) -> &'static str {
        match self {
            Self::Text => "Length of string",
            Self::Array => "Size of array/BLOB",
            Self::Map => "Size of object map",
        }
    }

    /// The setting that limits it, and its value.
    pub(crate) const fn limit(self, limits: &ScriptLimits) -> (LimitName, usize) {
        match self {
            Self::Text => (limit_name!(max_string_bytes), limits.max_string_bytes),
            Self::Array => (limit_name!(max_array_size), limits.max_array_size),
            Self::Map => (limit_name!(max_map_size), limits.max_map_size),
        }
    }

    /// What is counted.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Text => "bytes of text",
            Self::Array => "elements",
            Self::Map => "properties",
        }
    }

    /// The message about such a value that a script writes out.
    pub(crate) fn literal_message(self, limits: &ScriptLimits) -> String {
        let what = match self {
            Self::Text => "a string",
            Self::Array => "an array",
            Self::Map => "an object map",
        };
        let (setting, limit) = self.limit(limits);
        exceeded(format_args!("{what} that is written out is too large"), setting, limit)
    }
}

impl TooLarge {
    pub(crate) const fn new(size: Size, found: usize) -> Self {
        Self { size, found: Some(found) }
    }

    /// When it is not known how large it is.
    pub(crate) const fn unknown(size: Size) -> Self {
        Self { size, found: None }
    }

    /// What an error of Rhai's, or of ours, is about.
    pub(crate) fn of_error(what: &str) -> Self {
        let found = what.rsplit_once(": ").and_then(|(_, found)| found.parse().ok());
        Self { size: Size::named(what), found }
    }

    pub(crate) fn message(self, limits: &ScriptLimits) -> String {
        let what = match self.size {
            Size::Text => "the text of a value is too large, with that of all strings in it",
            Size::Array => "an array is too large, with the arrays in it",
            Size::Map => "an object map is too large, with the maps in it",
        };
        let (setting, limit) = self.size.limit(limits);
        match self.found {
            Some(found) => exceeded(format_args!("{what}: {found} {}", self.size.unit()), setting, limit),
            None => exceeded(what, setting, limit),
        }
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.size.in_rhai())?;
        self.found.map_or(Ok(()), |found| write!(f, ": {found}"))
    }
}

/// As Rhai's own limits have it. No `try` catches it.
impl From<TooLarge> for Box<EvalAltResult> {
    fn from(too_large: TooLarge) -> Self {
        EvalAltResult::ErrorDataTooLarge(too_large.to_string(), Position::NONE).into()
    }
}
