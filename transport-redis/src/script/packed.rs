use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
/// Texts that scripts get as one argument: how many there are, a byte, then each after its length. Between
/// the two may stand values of a known size, which are read faster.
///
/// For the server, and for the client, an argument costs more than most of what is done with it.
#[derive(Debug)]
pub(crate) struct Packed(Vec<u8>);

/// The length of a part's length.
const LENGTH: usize = size_of::<u32>();

impl Packed {
    pub(crate) fn new() -> Self {
        Self(vec![0])
    }

    /// Appends a value of a known size. Comes before all texts.
    pub(crate) fn head(&mut self, value: impl Display) -> &mut Self {
        let _ = write!(self.0, "{value}"); // into memory
        self
    }

    pub(crate) fn head_number(&mut self, number: u32) -> &mut Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// A duration in milliseconds as scripts have numbers; below 0 if there is none.
    pub(crate) fn head_millis(&mut self, duration: Option<Duration>) -> &mut Self {
        /// 142,000 years: added to any time it still is a whole number in floating point.
        const LONGEST: f64 = (1_u64 << 52) as f64;
        let millis = duration.map_or(-1.0, |duration| (duration.as_secs_f64() * 1_000.0).min(LONGEST));
        self.0.extend_from_slice(&millis.to_be_bytes());
        self
    }

    pub(crate) fn push(&mut self, part: impl AsRef<[u8]>) -> &mut Self {
        self.push_with(|bytes| bytes.extend_from_slice(part.as_ref()))
    }

    /// A number or an id as text.
    pub(crate) fn push_display(&mut self, value: impl Display) -> &mut Self {
        self.push_with(|bytes| {
            let _ = write!(bytes, "{value}"); // into memory
        })
    }

    pub(crate) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.0[0] += 1; // a task has some twenty
        let at = self.0.len();
        self.0.extend_from_slice(&[0; LENGTH]);
        write(&mut self.0);
        // The largest argument of Redis is far smaller.
        let length = u32::try_from(self.0.len() - at - LENGTH).unwrap_or(u32::MAX);
        self.0[at..at + LENGTH].copy_from_slice(&length.to_be_bytes());
        self
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

/// The parts, each of which comes after its length.
pub(crate) fn unpack(packed: &Bytes) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(length) = packed.get(at..at + LENGTH).and_then(|bytes| bytes.try_into().ok()) {
        let start = at + LENGTH;
        let end = start.saturating_add(usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX));
        if end > packed.len() {
            break;
        }
        parts.push(packed.slice(start..end));
        at = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back() {
        let mut packed = Packed::new();
        packed.push("a").push("").push_display(42).push("\u{e9}");
        let bytes = packed.into_bytes();
        assert_eq!(bytes[0], 4);
        assert_eq!(unpack(&bytes.slice(1..)), ["a", "", "42", "\u{e9}"].map(Bytes::from));
    }

    #[test]
    fn what_has_a_known_size_comes_first() {
        let mut packed = Packed::new();
        packed
            .head("id")
            .head_number(258)
            .head_millis(Some(Duration::from_millis(2)))
            .head_millis(None)
            .push("a");
        let expected =
            [b"\x01id\0\0\x01\x02\x40".as_slice(), &[0; 7], b"\xbf\xf0".as_slice(), &[0; 6], b"\0\0\0\x01a"]
                .concat();
        assert_eq!(packed.into_bytes(), expected);
    }

    #[test]
    fn what_is_cut_off_is_left_out() {
        let bytes = Bytes::from_static(b"\0\0\0\x01a\0\0\0\x02b");
        assert_eq!(unpack(&bytes), [Bytes::from_static(b"a")]);
        assert_eq!(unpack(&Bytes::from_static(b"\xff\xff\xff\xff")), Vec::<Bytes>::new());
    }
}
