//! Slots of a Redis cluster: a server has some of them, and a script may touch the keys of one. Task ids are chosen so that the
//! record of a task is in the slot of its worker id.

use std::fmt::{self, Display, Write};
use std::sync::LazyLock;

use rhai_dispatcher_core::{TaskId, Uuid, WorkerId};

/// How many slots a cluster has; a power of two.
const SLOTS: u16 = 16_384;

/// Where keys are: each is in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(u16);

impl Slot {
    /// That of the key `<prefix>:<name>`, and of all that have this in braces. The name is a worker id, the id of a task, or
    /// that of a list.
    pub(crate) fn of(prefix: &str, name: impl Display) -> Self {
        let mut sum = Sum(begin(prefix));
        // Writing to a checksum does not fail.
        let _ = write!(sum, "{name}");
        Self(sum.0 % SLOTS)
    }

    /// That of a key: what its first braces hold counts, if that is anything.
    pub(crate) fn of_key(key: &[u8]) -> Self {
        let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
            let rest = &key[open + 1..];
            rest.iter()
                .position(|byte| *byte == b'}')
                .filter(|length| *length > 0)
                .map(|length| &rest[..length])
        });
        Self(crc(0, tag.unwrap_or(key)) % SLOTS)
    }

    pub(crate) const fn number(self) -> u16 {
        self.0
    }
}

/// A checksum of what is written to it.
struct Sum(u16);

impl Write for Sum {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = crc(self.0, text.as_bytes());
        Ok(())
    }
}

/// A new task id whose record is in the slot of a worker id: a version-4 UUID of which the last four digits follow from the
/// others.
///
/// The checksum is linear: that of a text is that of its head, moved by the length of the rest, XOR that of the rest by
/// itself. So the digits that lead to a slot are looked up. Not every slot has some: 1.2 heads are tried on average.
pub(crate) fn new_task_id(prefix: &str, worker_id: &WorkerId) -> TaskId {
    /// Of a UUID as text.
    const LENGTH: usize = 36;
    const DIGITS: usize = 4;
    let Slot(wanted) = Slot::of(prefix, worker_id);
    let begun = begin(prefix);
    loop {
        let mut bytes = Uuid::new_v4().into_bytes();
        let mut text = [0; LENGTH];
        Uuid::from_bytes(bytes).as_hyphenated().encode_lower(&mut text);
        let head = crc(begun, &text[..LENGTH - DIGITS]);
        let rest = (crc(head, &[0; DIGITS]) ^ wanted) % SLOTS;
        if let Some(digits) = ENDS[usize::from(rest)] {
            bytes[14..].copy_from_slice(&digits.to_be_bytes());
            return TaskId::from_uuid(Uuid::from_bytes(bytes));
        }
    }
}

/// By the last 14 bits of a checksum, the first four hex digits that have it, if there are some.
static ENDS: LazyLock<Box<[Option<u16>]>> = LazyLock::new(|| {
    let mut ends = vec![None; usize::from(SLOTS)];
    for digits in 0..=u16::MAX {
        let checksum = crc(0, format!("{digits:04x}").as_bytes());
        ends[usize::from(checksum % SLOTS)].get_or_insert(digits);
    }
    ends.into()
});

/// The checksum of what the keys begin with.
fn begin(prefix: &str) -> u16 {
    crc(crc(0, prefix.as_bytes()), b":")
}

/// CRC16 with the polynomial 0x1021 (XMODEM), which the specification of Redis clusters names, continued from `start`.
fn crc(start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |crc, byte| {
        let [high, low] = crc.to_be_bytes();
        u16::from_be_bytes([low, 0]) ^ STEPS[usize::from(high ^ byte)]
    })
}

/// What each byte adds.
const STEPS: [u16; 256] = {
    let mut steps = [0; 256];
    let mut index = 0;
    while index < steps.len() {
        let mut step = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            step = if step & 0x8000 == 0 { step << 1 } else { (step << 1) ^ 0x1021 };
            bit += 1;
        }
        steps[index] = step;
        index += 1;
    }
    steps
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(crc(0, b"123456789"), 0x31c3);
        assert_eq!(crc(crc(0, b"1234"), b"56789"), 0x31c3);
    }

    #[test]
    fn braces_of_a_key_hold_what_counts() {
        let tag = Slot::of("rhailib", "worker-1");
        for key in ["rhailib:worker-1", "{rhailib:worker-1}:waiting", "x{rhailib:worker-1}y{z}"] {
            assert_eq!(Slot::of_key(key.as_bytes()), tag, "{key}");
        }
        // As Redis has it: CLUSTER KEYSLOT.
        for (key, slot) in [("foo{}{bar}", 8_363), ("foo{{bar}}zap", 4_015), ("foo{bar", 15_278), ("", 0)] {
            assert_eq!(Slot::of_key(key.as_bytes()).number(), slot, "{key}");
        }
    }

    #[test]
    fn records_are_in_the_slot_of_their_worker_id() {
        const COUNT: usize = 10_000;
        // 1 to 15 random characters.
        let text = |alphabet: &[u8]| -> String {
            let bytes = Uuid::new_v4().into_bytes();
            let length = 1 + usize::from(bytes[0]) % (bytes.len() - 1);
            bytes[..length]
                .iter()
                .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
                .collect()
        };
        let (mut ids, mut slots) = (HashSet::new(), HashSet::new());
        for _ in 0..COUNT {
            let prefix = text(b"abcXYZ019._-:");
            let Ok(worker_id) = WorkerId::try_from(text(b"abcXYZ019._-")) else { continue };
            let id = new_task_id(&prefix, &worker_id);
            let slot = Slot::of(&prefix, &worker_id);
            assert_eq!(Slot::of(&prefix, id), slot, "{prefix} {worker_id} {id}");
            assert_eq!(id.as_uuid().get_version_num(), 4);
            assert_eq!(id.as_uuid().as_bytes()[8] >> 6, 0b10, "the variant of the RFC");
            ids.insert(id);
            slots.insert(slot.0);
        }
        assert!(ids.len() > COUNT * 9 / 10, "few texts make none: {}", ids.len());
        assert!(slots.len() > COUNT / 3, "{}", slots.len());
    }
}
