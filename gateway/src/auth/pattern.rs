use std::fmt;
use std::str::FromStr;

use rhai_dispatcher::Invalid;
use serde::{Deserialize, Serialize};

/// A pattern of names, such as `shop.*`: a `*` stands for any text, also for none.
///
/// 1 to 128 characters of `[A-Za-z0-9_.*-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

impl Pattern {
    /// The longest pattern, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// The pattern that every name matches.
    #[must_use]
    pub fn any() -> Self {
        Self("*".to_owned())
    }

    /// Whether `name` matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        // `split` gives at least one part.
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        // The earliest place of each part in the middle leaves the most for those behind it.
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl TryFrom<String> for Pattern {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let is_good = |b: u8| b.is_ascii_alphanumeric() || b"._-*".contains(&b);
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(is_good) {
            let shown: String = text.chars().take(48).collect();
            let hint = "use 1 to 128 of A-Z a-z 0-9 _ . - and *, such as shop.*";
            return Err(Invalid::new("pattern", format!("{shown:?} is not a pattern of names"), hint));
        }
        Ok(Self(text))
    }
}

impl FromStr for Pattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::try_from(text.to_owned())
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_stands_for_any_text() {
        let matches = |pattern: &str, name: &str| pattern.parse::<Pattern>().expect(pattern).matches(name);
        for (pattern, name) in [
            ("*", ""),
            ("*", "a.b"),
            ("a.b", "a.b"),
            ("shop.*", "shop.prices.get"),
            ("*.get", "shop.get"),
            ("a*c*e", "abcde"),
            ("a*b*b", "abb"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("a.b", "a.bc"),
            ("a.b", "a"),
            ("shop.*", "shop"),
            ("shop.*", "workshop.a"),
            ("*.get", "shop.getter"),
            ("a*a", "a"),
            ("a*bc*c", "abc"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        for bad in ["", "a b", "ä", "a/b", &"x".repeat(129)] {
            assert_eq!(bad.parse::<Pattern>().expect_err(bad).field, "pattern");
        }
    }
}
