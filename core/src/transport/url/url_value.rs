use std::path::PathBuf;
use std::time::Duration;

/// A setting that stands in a URL as text.
pub trait UrlValue: Sized {
    /// How it is written, for errors: `10s`.
    const EXAMPLE: &'static str;

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with its text: `is not a duration`.
    fn from_text(text: &str) -> Result<Self, String>;
}

impl UrlValue for Duration {
    const EXAMPLE: &'static str = "500ms, 10s or 1h";

    fn from_text(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text).map_err(|error| format!("is not a duration ({error})"))
    }
}

/// Whole numbers, from their least to their largest.
macro_rules! number {
    ($($type:ty),*) => {
        $(impl UrlValue for $type {
            const EXAMPLE: &'static str = "1000";

            fn from_text(text: &str) -> Result<Self, String> {
                // A sign is not of this form, though Rust's parser takes it.
                let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok());
                number.flatten().ok_or_else(|| format!("is not a whole number from 0 to {}", Self::MAX))
            }
        })*
    };
}
number!(u32, usize);

impl UrlValue for String {
    const EXAMPLE: &'static str = "TEXT";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl UrlValue for PathBuf {
    const EXAMPLE: &'static str = "/path/to/file";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl<T: UrlValue> UrlValue for Option<T> {
    const EXAMPLE: &'static str = T::EXAMPLE;

    fn from_text(text: &str) -> Result<Self, String> {
        T::from_text(text).map(Some)
    }
}
