use std::fmt::{self, Write};
use std::iter;

use serde::{Serialize, Serializer};

use crate::TaskErrorKind;

/// What errors with the same cause have in common: a hash of their kind and of their message without numbers, ids and
/// quoted parts.
///
/// It is computed when entries are read and stored nowhere. Builds of the same version compute the same; a later version
/// may leave out more. Printed as 16 hex digits.
///
/// ```
/// use rhai_dispatcher_core::{ErrorFingerprint, TaskErrorKind};
///
/// let of = |message| ErrorFingerprint::of(TaskErrorKind::Runtime, message);
/// assert_eq!(of("order 17: \"Ann\" owes 3.50"), of("order  2411: \"Bob\" owes 17"));
/// assert_ne!(of("order 17 is late"), of("order 17 is lost"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorFingerprint(u64);

impl ErrorFingerprint {
    /// The fingerprint of an error.
    #[must_use]
    pub fn of(kind: TaskErrorKind, message: &str) -> Self {
        // FNV-1a: builds with other versions of Rust get the same number, which the standard library's hasher does not
        // promise.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let general = general(message);
        let bytes = kind.as_str().bytes().chain(iter::once(0)).chain(general.bytes());
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, mix))
    }
}

impl fmt::Display for ErrorFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for ErrorFingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The message with a sign in place of each number, id and quoted part, and with one space between words.
fn general(message: &str) -> String {
    let mut general = String::with_capacity(message.len());
    let mut rest = message.trim();
    let mut is_word_before = false;
    while let Some(first) = rest.chars().next() {
        let (length, sign) = match first {
            _ if first.is_whitespace() => (rest.len() - rest.trim_start().len(), Some(' ')),
            // In `can't` it is a letter.
            '\'' if is_word_before => (1, None),
            '"' | '`' | '\'' => quoted(rest, first),
            '-' | '+' if !is_word_before && rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                (1 + number(&rest[1..]), Some('#'))
            }
            _ if !is_word_before && first.is_ascii_alphanumeric() => match id(rest) {
                Some(length) => (length, Some('#')),
                None if first.is_ascii_digit() => (number(rest), Some('#')),
                None => (word(rest), None),
            },
            _ => (first.len_utf8(), None),
        };
        let (part, behind) = rest.split_at(length);
        match sign {
            Some(sign) => general.push(sign),
            None => _ = general.write_str(part),
        }
        is_word_before = part.ends_with(char::is_alphanumeric);
        rest = behind;
    }
    general
}

/// The length of a quoted part and its sign; an apostrophe without another one is itself. What was cut off may have
/// had the end of the quotation.
fn quoted(text: &str, quote: char) -> (usize, Option<char>) {
    match text[1..].find(quote) {
        Some(end) => (end + 2, Some('"')),
        None if quote == '\'' => (1, None),
        None => (text.len(), Some('"')),
    }
}

/// The length of a UUID, or of 8 hex digits or more, not all of them letters, at the beginning of a text.
fn id(text: &str) -> Option<usize> {
    const UUID: usize = 36;
    let is_uuid = text.get(..UUID).is_some_and(|part| uuid::Uuid::try_parse(part).is_ok());
    if is_uuid && word(&text[UUID..]) == 0 {
        return Some(UUID);
    }
    let length = word(text);
    let digits = &text.as_bytes()[..length];
    let is_hex = length >= 8 && digits.iter().all(u8::is_ascii_hexdigit);
    (is_hex && digits.iter().any(u8::is_ascii_digit)).then_some(length)
}

/// The length of a number at the beginning of a text, with its unit, such as `1.5s` or `1,000`.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_part = |at: usize| match bytes.get(at) {
        Some(byte) if byte.is_ascii_alphanumeric() => true,
        Some(b'.' | b',' | b':' | b'_') => bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
        _ => false,
    };
    (0..).find(|at| !is_part(*at)).unwrap_or(text.len())
}

/// The number of letters and digits of ASCII at the beginning of a text.
fn word(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphanumeric).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_text_has_no_numbers_ids_and_quotations() {
        for (message, expected) in [
            ("", ""),
            ("  a\t\n b  ", "a b"),
            ("order 17 failed in 1.5s, -3 left of 1,000", "order # failed in #, # left of #"),
            ("task-17 of 0x1F", "task-# of #"),
            ("id 8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90.", "id #."),
            ("commit deadbee1 of decade", "commit # of decade"),
            ("deadbeef defaced sha256", "deadbeef defaced sha256"),
            ("no \"such 'file'\" in 'a b' or `c`", "no \" in \" or \""),
            ("can't and won't", "can't and won't"),
            ("an open \"quotation that was cu…", "an open \""),
            ("'tis", "'tis"),
            ("größe 5 ← 日本", "größe # ← 日本"),
            ("12:30:01 and 10.0.0.1:80", "# and #"),
        ] {
            assert_eq!(general(message), expected, "{message:?}");
        }
    }

    #[test]
    fn kind_is_part_of_the_fingerprint() {
        let of = |kind| ErrorFingerprint::of(kind, "too long").to_string();
        assert_ne!(of(TaskErrorKind::Runtime), of(TaskErrorKind::Timeout));
        assert_eq!(of(TaskErrorKind::Runtime).len(), 16);
    }

    #[test]
    fn any_text_has_a_fingerprint() {
        let parts =
            ["\"", "'", "`", "-", "+1", "ä", "日", "1.", " ", "8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90", "x"];
        for one in parts {
            for two in parts {
                for three in parts {
                    general(&format!("{one}{two}{three}{one}"));
                }
            }
        }
    }
}
