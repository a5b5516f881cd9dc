use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Counters, Histogram, Tick};

/// The counters of one method on one lane. Only the lane writes them, so a write is a load and a store, and takes no
/// lock and no exclusive access to memory.
#[derive(Debug)]
pub(super) struct MethodCounters {
    pub(super) name: Arc<str>,
    in_flight: AtomicU64,
    completed: AtomicU64,
    errors: AtomicU64,
    cancelled: AtomicU64,
    micros: AtomicU64,
    /// When the last run ended, in nanoseconds of the clock.
    last: AtomicU64,
    /// The times, by the buckets of [`Histogram`].
    times: [AtomicU64; Histogram::BUCKETS],
    /// Written last: a reader of it has what the runs before have written.
    ended: AtomicU64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunEnd {
    Completed,
    Error,
    Cancelled,
    /// Released, or lost: it is as if it had not begun here.
    Undone,
}

impl MethodCounters {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            in_flight: AtomicU64::default(),
            completed: AtomicU64::default(),
            errors: AtomicU64::default(),
            cancelled: AtomicU64::default(),
            micros: AtomicU64::default(),
            last: AtomicU64::default(),
            times: [const { AtomicU64::new(0) }; Histogram::BUCKETS],
            ended: AtomicU64::default(),
        }
    }

    pub(super) fn begin(&self) {
        add(&self.in_flight, 1);
    }

    pub(super) fn end(&self, end: RunEnd, began: Tick, now: Tick) {
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        self.in_flight.store(in_flight.saturating_sub(1), Ordering::Relaxed);
        let counter = match end {
            RunEnd::Completed => &self.completed,
            RunEnd::Error => &self.errors,
            RunEnd::Cancelled => &self.cancelled,
            RunEnd::Undone => return,
        };
        add(counter, 1);
        let micros = u64::try_from((now - began).as_micros()).unwrap_or(u64::MAX);
        add(&self.micros, micros);
        add(&self.times[usize::from(Histogram::bucket_of(micros))], 1);
        self.last.store(now.as_nanos(), Ordering::Relaxed);
        self.ended.store(self.ended.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How many runs have ended.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn last(&self) -> Tick {
        Tick::from_nanos(self.last.load(Ordering::Relaxed))
    }

    /// What has been counted beyond `seen`, which then has it too.
    pub(super) fn take_added(&self, seen: &mut Seen) -> Counters {
        seen.ended = self.ended();
        let mut added = Counters {
            completed: beyond(&self.completed, &mut seen.completed),
            errors: beyond(&self.errors, &mut seen.errors),
            cancelled: beyond(&self.cancelled, &mut seen.cancelled),
            micros: beyond(&self.micros, &mut seen.micros),
            ..Counters::default()
        };
        for (bucket, (now, seen)) in self.times.iter().zip(seen.times.iter_mut()).enumerate() {
            added.times.add(bucket as u16, beyond(now, seen));
        }
        added
    }
}

/// What of a lane's counters is in reports.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) ended: u64,
    completed: u64,
    errors: u64,
    cancelled: u64,
    micros: u64,
    times: Box<[u64; Histogram::BUCKETS]>,
}

impl Default for Seen {
    fn default() -> Self {
        let times = Box::new([0; Histogram::BUCKETS]);
        Self { ended: 0, completed: 0, errors: 0, cancelled: 0, micros: 0, times }
    }
}

/// Adds to a counter of this thread.
fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

fn beyond(counter: &AtomicU64, seen: &mut u64) -> u64 {
    let now = counter.load(Ordering::Relaxed);
    now.wrapping_sub(std::mem::replace(seen, now))
}
