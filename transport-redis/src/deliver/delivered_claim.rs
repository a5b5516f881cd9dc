use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{TaskId, WallTime};

use crate::client::ServerReply;

/// A claim as scripts name it.
#[derive(Debug)]
pub(crate) struct DeliveredClaim {
    pub(crate) task: TaskId,
    pub(crate) payload: Bytes,
    pub(crate) delivery: u32,
    pub(crate) attempt: u32,
    pub(crate) deaths: u32,
    /// Since when it could have been started, in microseconds of the server's clock: its acceptance, or the end of a delay or
    /// backoff.
    waits_since: f64,
    /// When it is too late to start it, by the server's clock.
    latest_start: Option<WallTime>,
    /// When it is to be stopped, by the server's clock.
    deadline: Option<WallTime>,
}

/// How much time a claimed task has left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLeft {
    /// Until it is too late to start it.
    pub(crate) to_start: Option<Duration>,
    /// Until it is to be stopped.
    pub(crate) to_end: Option<Duration>,
}

/// How many bytes stand before a payload in the server, for its scripts: a number, two letters, two numbers (HEADER in
/// `lua/shared/task.lua`).
const HEADER: usize = LATEST_START + 2 * size_of::<f64>();

/// Where in it the latest start stands; the deadline is behind it.
const LATEST_START: usize = size_of::<f64>() + 2;

impl DeliveredClaim {
    /// Claims in three parts each.
    pub(crate) fn read(parts: &[Bytes]) -> Vec<Self> {
        let (claims, _) = parts.as_chunks();
        claims.iter().filter_map(|[id, held, counts]| Self::new(id, held, counts)).collect()
    }

    /// The claims in an answer, in front of which stands its time.
    pub(crate) fn of_replies(replies: &[ServerReply]) -> Vec<Self> {
        let parts: Vec<_> = replies.iter().skip(1).filter_map(ServerReply::as_bytes).cloned().collect();
        Self::read(&parts)
    }

    fn new(id: &Bytes, held: &Bytes, counts: &Bytes) -> Option<Self> {
        let task = std::str::from_utf8(id).ok()?.parse().ok()?;
        let mut counts = std::str::from_utf8(counts).ok()?.split(' ').map(str::parse);
        let mut count = || counts.next()?.ok();
        let (delivery, attempt, deaths): (u64, u64, u64) = (count()?, count()?, count()?);
        let run_at = count();
        let sequence = held.first_chunk().copied().map_or(0.0, f64::from_be_bytes);
        Some(Self {
            task,
            payload: held.slice(HEADER.min(held.len())..),
            delivery: u32::try_from(delivery).ok()?,
            attempt: u32::try_from(attempt).ok()?,
            deaths: u32::try_from(deaths).ok()?,
            waits_since: run_at.map_or(sequence, |run_at| run_at as f64 * 1e3),
            latest_start: time(held, LATEST_START),
            deadline: time(held, LATEST_START + size_of::<f64>()),
        })
    }

    /// How long it could have been started before a time of the server: that of the step that delivered it.
    pub(crate) fn queue_time(&self, now: WallTime) -> Duration {
        let micros = now.as_millis() as f64 * 1e3 - self.waits_since;
        Duration::from_micros(micros.max(0.0) as u64)
    }

    /// The time that it had left at a time of the server: that of the step that delivered it.
    pub(crate) fn time_left(&self, now: WallTime) -> TimeLeft {
        let left = |time: Option<WallTime>| time.map(|time| time - now);
        TimeLeft { to_start: left(self.latest_start), to_end: left(self.deadline) }
    }
}

/// A time in front of a payload; 0 means never.
fn time(held: &Bytes, at: usize) -> Option<WallTime> {
    let bytes = held.get(at..at + size_of::<f64>())?.try_into().ok()?;
    let millis = f64::from_be_bytes(bytes);
    (millis > 0.0).then_some(WallTime::from_millis(millis as u64))
}
