use bytes::Bytes;
use rhai_dispatcher_core::WallTime;
use serde::{Deserialize, Serialize};

/// The version that is written, and the newest that is read.
pub(crate) const VERSION: u8 = 1;

/// Why a payload was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the payload is empty")]
    Empty,
    #[error("the payload is of version {0}, which this instance does not read")]
    Version(u8),
    #[error("the payload can't be read: {0}")]
    Corrupted(String),
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    postcard::to_extend(value, bytes)
}

/// A value, and the bytes behind it.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), WireError> {
    match bytes.split_first() {
        None => Err(WireError::Empty),
        Some((&VERSION, rest)) => postcard::take_from_bytes(rest).map_err(corrupted),
        Some((&version, _)) => Err(WireError::Version(version)),
    }
}

pub(super) fn corrupted(error: impl ToString) -> WireError {
    WireError::Corrupted(error.to_string())
}

/// A text that is a number; 0 if it is none, which nothing here writes.
fn number(text: &Bytes) -> u64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A text that is a time.
pub(crate) fn millis(text: &Bytes) -> WallTime {
    WallTime::from_millis(number(text))
}
