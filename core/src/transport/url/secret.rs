use std::fmt;

use super::UrlValue;

/// A password among settings. Its [`Debug`] form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What is shown in its place.
    pub(super) const SHOWN: &'static str = "***";

    /// The password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(password: T) -> Self {
        Self(password.into())
    }
}

impl UrlValue for Secret {
    const EXAMPLE: &'static str = "TEXT";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::SHOWN)
    }
}
