use std::fmt::Display;

use bytes::Bytes;

/// The arguments of a command.
#[derive(Debug, Default)]
pub(crate) struct Args(Vec<Bytes>);

impl Args {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn push(&mut self, bytes: impl Into<Bytes>) -> &mut Self {
        self.0.push(bytes.into());
        self
    }

    pub(crate) fn push_copy(&mut self, text: &str) -> &mut Self {
        self.push(Bytes::copy_from_slice(text.as_bytes()))
    }

    pub(crate) fn push_static(&mut self, text: &'static str) -> &mut Self {
        self.push(Bytes::from_static(text.as_bytes()))
    }

    /// A number or an id as text.
    pub(crate) fn push_display(&mut self, value: impl Display) -> &mut Self {
        self.push(value.to_string())
    }

    /// 1 or 0.
    pub(crate) fn push_flag(&mut self, flag: bool) -> &mut Self {
        self.push_static(if flag { "1" } else { "0" })
    }

    pub(crate) fn into_vec(self) -> Vec<Bytes> {
        self.0
    }
}
