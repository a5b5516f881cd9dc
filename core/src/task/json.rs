use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A JSON value, kept as its text.
///
/// Text, because args, params and outputs pass through formats that do not describe themselves
/// (a `serde_json::Value` does not survive them), and because most are only passed on. In a
/// human-readable format it appears as the value itself, elsewhere as a string.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// The JSON `null`.
    #[must_use]
    pub fn null() -> Self {
        static NULL: LazyLock<Json> = LazyLock::new(|| Json("null".into()));
        NULL.clone()
    }

    /// The JSON form of `value`.
    ///
    /// # Errors
    /// If `value` has none: a map whose keys are not strings, or a `Serialize` that fails.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(text.into()))
    }

    /// Takes JSON text that a serializer of the caller has written, without looking at it again.
    #[must_use]
    pub fn of_written(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Takes JSON text as it is.
    ///
    /// # Errors
    /// If `text` is not one JSON value.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        serde_json::from_str::<serde::de::IgnoredAny>(&text)?;
        Ok(Self(text))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// The value as a `T`.
    ///
    /// # Errors
    /// If the value does not have the shape of a `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl Default for Json {
    fn default() -> Self {
        Self::null()
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_str(&self.0);
        }
        let value: serde_json::Value = self.to().map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let text = Arc::<str>::deserialize(deserializer)?;
            return Self::parse(text).map_err(serde::de::Error::custom);
        }
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::of(&value).map_err(serde::de::Error::custom)
    }
}
