use bytes::Bytes;
use rhai_dispatcher_core::{TaskId, WallTime};

use crate::client::Reply;

/// A claim as scripts name it.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) task: TaskId,
    pub(crate) payload: Bytes,
    pub(crate) delivery: u32,
    pub(crate) attempt: u32,
    pub(crate) deaths: u32,
}

/// How many bytes stand before a payload in the server, for its scripts: two letters, two numbers (HEADER in
/// `lua/shared/task.lua`).
const HEADER: usize = 2 + 2 * size_of::<f64>();

/// A text that is a number; 0 if it is none, which nothing here writes.
fn number(text: &Bytes) -> u64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A text that is a time.
pub(crate) fn millis(text: &Bytes) -> WallTime {
    WallTime::from_millis(number(text))
}

impl Given {
    /// Claims in five parts each.
    pub(crate) fn read(parts: &[Bytes]) -> Vec<Self> {
        let (claims, _) = parts.as_chunks();
        let claim = |[id, held, delivery, attempt, deaths]: &[Bytes; 5]| {
            Self::new(id, held, [delivery, attempt, deaths])
        };
        claims.iter().filter_map(claim).collect()
    }

    /// Claims of tasks that are started for the first time, of which no more is said than id and task.
    pub(crate) fn first(parts: &[Bytes]) -> Vec<Self> {
        let (one, none) = (Bytes::from_static(b"1"), Bytes::from_static(b"0"));
        let (claims, _) = parts.as_chunks();
        claims.iter().filter_map(|[id, held]| Self::new(id, held, [&one, &none, &none])).collect()
    }

    /// The claims in an answer, in front of which stand its time, kind, and when to look again.
    pub(crate) fn of_replies(replies: &[Reply]) -> Vec<Self> {
        let parts: Vec<_> = replies.iter().skip(3).filter_map(Reply::as_bytes).cloned().collect();
        Self::read(&parts)
    }

    fn new(id: &Bytes, held: &Bytes, [delivery, attempt, deaths]: [&Bytes; 3]) -> Option<Self> {
        let count = |text: &Bytes| u32::try_from(number(text)).unwrap_or(u32::MAX);
        let task = std::str::from_utf8(id).ok()?.parse().ok()?;
        let payload = held.slice(HEADER.min(held.len())..);
        Some(Self {
            task,
            payload,
            delivery: count(delivery),
            attempt: count(attempt),
            deaths: count(deaths),
        })
    }
}
