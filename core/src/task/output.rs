use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Json;

/// What a task returned.
///
/// It prints as bare text if it is a string, and as JSON otherwise: `Hello`, `42`, `{"a":1}`,
/// `null`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Output(Json);

impl Output {
    /// The output as JSON text.
    #[must_use]
    pub fn as_json(&self) -> &Json {
        &self.0
    }

    /// The output as a `T`.
    ///
    /// # Errors
    /// If the output does not have the shape of a `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.0.to()
    }
}

impl From<Json> for Output {
    fn from(json: Json) -> Self {
        Self(json)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.as_str().starts_with('"')
            && let Ok(text) = self.0.to::<String>()
        {
            return f.write_str(&text);
        }
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_print_bare_and_the_rest_as_json() {
        let print = |text: &str| Output::from(Json::parse(text).expect(text)).to_string();
        assert_eq!(print(r#""Hello, \"you\"""#), r#"Hello, "you""#);
        assert_eq!(print("42"), "42");
        assert_eq!(print("null"), "null");
        assert_eq!(print(r#"{"a":"b"}"#), r#"{"a":"b"}"#);
    }
}
