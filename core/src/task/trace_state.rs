use std::collections::HashSet;
use std::sync::Arc;

use crate::Invalid;
use crate::invalid::quoted;

/// What the systems that a trace has passed note in it: the value of a `tracestate` header, which is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TraceState(Arc<str>);

/// The longest state, in bytes: what each system has to pass on at least.
const MAX_BYTES: usize = 512;

/// The most entries.
const MAX_ENTRIES: usize = 32;

/// The longest key, and the longest value, in bytes.
const MAX_PART: usize = 256;

/// What is longer is left out first of a state that is too long.
const LONG_ENTRY: usize = 128;

impl TraceState {
    /// The state of that text; none if it has no entry.
    ///
    /// # Errors
    /// If it is not a list of entries, or has too many, or too long ones.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        let refuse = |problem: String| {
            let hint =
                "give up to 32 entries with commas between them, such as vendor=value, 512 bytes in all";
            Invalid::new("tracestate", problem, hint)
        };
        let entries = entries(text).map_err(refuse)?;
        let bytes = joined_bytes(&entries);
        if bytes > MAX_BYTES {
            return Err(refuse(format!("has {bytes} bytes, and the limit is {MAX_BYTES}")));
        }
        Ok(Self::of(&entries))
    }

    /// The same, for a text from outside: none if it is invalid, and without some of its entries if it is too long.
    pub(super) fn shortened(text: &str) -> Option<Self> {
        let mut entries = entries(text).ok()?;
        if joined_bytes(&entries) > MAX_BYTES {
            entries.retain(|entry| entry.len() <= LONG_ENTRY);
        }
        while joined_bytes(&entries) > MAX_BYTES {
            entries.pop();
        }
        Self::of(&entries)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_text(self) -> Arc<str> {
        self.0
    }

    fn of(entries: &[&str]) -> Option<Self> {
        (!entries.is_empty()).then(|| Self(entries.join(",").into()))
    }
}

/// The entries of a list, without the empty ones, which the format allows.
fn entries(text: &str) -> Result<Vec<&str>, String> {
    let (mut all, mut keys) = (Vec::new(), HashSet::new());
    for entry in text.split(',').map(|entry| entry.trim_matches([' ', '\t'])) {
        if entry.is_empty() {
            continue;
        }
        let key = match entry.split_once('=') {
            Some((key, value)) if is_key(key) && is_value(value) => key,
            _ => return Err(format!("the entry {} does not have the form key=value", quoted(entry))),
        };
        if !keys.insert(key) {
            return Err(format!("has two entries of the key {}", quoted(key)));
        }
        if all.len() == MAX_ENTRIES {
            return Err(format!("has more than {MAX_ENTRIES} entries"));
        }
        all.push(entry);
    }
    Ok(all)
}

fn joined_bytes(entries: &[&str]) -> usize {
    entries.iter().map(|entry| entry.len() + 1).sum::<usize>().saturating_sub(1)
}

/// A name of lower-case letters, digits and `_-*/`, with one `@` between a tenant and its system at most.
fn is_key(key: &str) -> bool {
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-*/".contains(c);
    let is_name = |part: &str| begins(part) && part.chars().all(rest);
    key.len() <= MAX_PART
        && match key.split_once('@') {
            Some((tenant, system)) => is_name(tenant) && is_name(system),
            None => is_name(key),
        }
}

/// Printable ASCII without `=`; a comma and a space at the end are not part of an entry.
fn is_value(value: &str) -> bool {
    (1..=MAX_PART).contains(&value.len()) && value.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<String>, Invalid> {
        TraceState::parse(text).map(|state| state.map(|state| state.as_str().to_owned()))
    }

    #[test]
    fn entries_are_kept_and_space_between_them_is_not() {
        assert_eq!(parsed("a=1"), Ok(Some("a=1".to_owned())));
        assert_eq!(parsed(" a=1 ,\t, 1b@sys=x y;z ,"), Ok(Some("a=1,1b@sys=x y;z".to_owned())));
        assert_eq!(parsed(" , "), Ok(None));
    }

    #[test]
    fn what_is_not_a_list_of_entries_is_refused() {
        let many = (0..33).map(|key| format!("k{key}=1")).collect::<Vec<_>>().join(",");
        let long = format!("a={}", "x".repeat(257));
        for bad in ["a", "=1", "a=", "A=1", "a=1,a=2", "a=b=c", "a@b@c=1", "@a=1", "ä=1", "a=ä", &many, &long]
        {
            let error = parsed(bad).expect_err(bad);
            assert_eq!(error.field, "tracestate", "{bad}");
            assert_eq!(TraceState::shortened(bad), None, "{bad}");
        }
    }

    #[test]
    fn state_that_is_too_long_loses_long_entries_first() {
        let long = format!("long={}", "x".repeat(200));
        let entry = |key: usize| format!("key{key:02}={}", "y".repeat(33));
        let all: Vec<String> = std::iter::once(long).chain((0..20).map(entry)).collect();
        let text = all.join(",");
        assert!(parsed(&text).is_err());
        let kept = TraceState::shortened(&text).expect("a state");
        // 12 entries of 39 bytes, and a comma before all but the first.
        assert_eq!(kept.as_str(), all[1..13].join(","));
    }
}
