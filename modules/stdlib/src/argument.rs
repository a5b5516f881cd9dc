use std::borrow::Cow;

use rhai::{Blob, Dynamic, INT, ImmutableString};
use rhai_dispatcher_engine::Secret;

use crate::error::StdlibError;

/// An argument of a script's call, with the names for error messages.
pub(crate) struct Argument<'a> {
    function: &'static str,
    name: &'static str,
    value: &'a Dynamic,
}

/// Bytes from a script: a text or a blob.
pub(crate) enum Bytes {
    Text(ImmutableString),
    Blob(Blob),
    Secret(Secret),
}

impl<'a> Argument<'a> {
    pub(crate) const fn new(function: &'static str, name: &'static str, value: &'a Dynamic) -> Self {
        Self { function, name, value }
    }

    /// # Errors
    /// If the argument is not a text.
    pub(crate) fn text(&self) -> Result<ImmutableString, StdlibError> {
        if let Ok(char) = self.value.as_char() {
            return Ok(ImmutableString::from(&*char.encode_utf8(&mut [0; 4])));
        }
        let text = self.value.as_immutable_string_ref().map(|text| text.clone());
        text.map_err(|_| self.wrong("a string"))
    }

    /// A text of at most `max` bytes.
    ///
    /// # Errors
    /// If the argument is not a text, or is longer.
    pub(crate) fn short_text(&self, max: usize) -> Result<ImmutableString, StdlibError> {
        let text = self.text()?;
        match text.len() {
            len if len > max => Err(self.problem(format_args!("it has {len} bytes; give at most {max}"))),
            _ => Ok(text),
        }
    }

    /// # Errors
    /// If it is neither a text nor a blob.
    pub(crate) fn bytes(&self) -> Result<Bytes, StdlibError> {
        if let Some(blob) = self.value.read_lock::<Blob>() {
            return Ok(Bytes::Blob(blob.clone()));
        }
        match self.text() {
            Ok(text) => Ok(Bytes::Text(text)),
            Err(_) => Err(self.wrong("a string or a blob")),
        }
    }

    /// # Errors
    /// If the argument is neither a text nor a blob nor a secret.
    pub(crate) fn key(&self) -> Result<Bytes, StdlibError> {
        match self.value.read_lock::<Secret>() {
            Some(secret) => Ok(Bytes::Secret(secret.clone())),
            None => self.bytes(),
        }
    }

    /// # Errors
    /// If the argument is not a whole number.
    pub(crate) fn int(&self) -> Result<INT, StdlibError> {
        self.value.as_int().map_err(|_| self.wrong("a whole number"))
    }

    /// An error of this argument.
    pub(crate) fn problem(&self, problem: impl std::fmt::Display) -> StdlibError {
        StdlibError::invalid(self.function, self.name, problem)
    }

    fn wrong(&self, wanted: &str) -> StdlibError {
        if self.value.is::<Secret>() {
            return self.problem(format_args!(
                "it is a secret, which only `hmac_sha256` takes, as its key; give {wanted}"
            ));
        }
        let found: Cow<'_, str> = match self.value.type_name() {
            "()" => "unit".into(),
            other => format!("of type {other}").into(),
        };
        self.problem(format_args!("it is {found}; give {wanted}"))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Blob(blob) => blob,
            Self::Secret(secret) => secret.expose().as_bytes(),
        }
    }
}
