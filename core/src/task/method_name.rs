use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::invalid::quoted;

/// The name of a method, such as `billing.charge`.
///
/// 1 to 128 characters of `[A-Za-z0-9_.-]`; it does not begin or end with a dot, and has no two dots in a row.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
pub struct MethodName(Arc<str>);

impl MethodName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<(), Invalid> {
        let problem = if text.is_empty() {
            "is empty".to_owned()
        } else if text.len() > Self::MAX_BYTES {
            format!("{} is longer than {} characters", quoted(text), Self::MAX_BYTES)
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            format!("{} has a character outside A-Z a-z 0-9 _ . -", quoted(text))
        } else if text.split('.').any(str::is_empty) {
            format!("{} has a dot without a name before and after it", quoted(text))
        } else {
            return Ok(());
        };
        Err(Invalid::new(
            "method",
            problem,
            "name the method in 1 to 128 of A-Z a-z 0-9 _ . -, such as billing.charge",
        ))
    }
}

impl TryFrom<Arc<str>> for MethodName {
    type Error = Invalid;

    fn try_from(text: Arc<str>) -> Result<Self, Invalid> {
        Self::check(&text)?;
        Ok(Self(text))
    }
}

impl TryFrom<&str> for MethodName {
    type Error = Invalid;

    fn try_from(text: &str) -> Result<Self, Invalid> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for MethodName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::try_from(text.as_str())
    }
}

impl FromStr for MethodName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::try_from(text)
    }
}

impl From<MethodName> for Arc<str> {
    fn from(name: MethodName) -> Self {
        name.0
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_methods_are_accepted() {
        for good in ["echo", "billing.charge", "a.b.c", "my_rpc", "x-1", &"x".repeat(128)] {
            assert_eq!(MethodName::try_from(good).expect(good).as_str(), good);
        }
        for bad in ["", " ", "a b", "ä", "a:b", "a/b", ".", ".a", "a.", "a..b", "a\n", &"x".repeat(129)] {
            assert_eq!(MethodName::try_from(bad).expect_err(bad).field, "method");
        }
    }
}
