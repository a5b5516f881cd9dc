use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// What is known of a connection's life: how quick it is, and whether an answer is overdue.
///
/// A socket can be dead without an error: a machine or a firewall between has forgotten it. The only sign is an
/// answer that does not come. How long it may take is the patience of its link, twice as long as the last answer
/// took, and the time that the bytes of the command need; a command that blocks may wait for as long as it says. A
/// command whose deadline comes before all that is over, and after the patience, makes the answer overdue at its
/// deadline: one slow answer would otherwise let a connection that is dead from then on stay for ever.
#[derive(Debug)]
pub(super) struct Vitals {
    patience: Duration,
    /// How long the last answer took, in microseconds.
    last: AtomicU64,
    /// Whether an answer is overdue, and none has come since.
    overdue: watch::Sender<bool>,
}

/// How many bytes are taken to pass in a second on a slow network, at least.
const BYTES_PER_SECOND: usize = 4 * 1024 * 1024;

impl Vitals {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, last: AtomicU64::new(0), overdue: watch::Sender::new(false) }
    }

    /// How long the answer to so many bytes may take until it is overdue, if its command waits for `longest` at most.
    /// More than `longest` only if that is less than the patience.
    pub(super) fn allowance(&self, bytes: usize, longest: Duration) -> Duration {
        let last = Duration::from_micros(self.last.load(Ordering::Relaxed));
        let transfer = Duration::from_millis((bytes / (BYTES_PER_SECOND / 1_000)) as u64);
        (self.patience.max(last.saturating_mul(2)) + transfer).min(longest.max(self.patience))
    }

    /// Notes an answer, which took so long; without the time that its command was blocked.
    pub(super) fn note_answer(&self, took: Duration) {
        self.last.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.overdue.send_if_modified(|overdue| std::mem::replace(overdue, false));
    }

    /// Notes that an answer is overdue.
    pub(super) fn note_overdue(&self) {
        self.overdue.send_if_modified(|overdue| !std::mem::replace(overdue, true));
    }

    /// Whether an answer is overdue, with what comes.
    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.overdue.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wait that ends after any answer.
    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_slow_network_has_more_time_and_a_large_command_too() {
        let patience = Duration::from_secs(1);
        let vitals = Vitals::new(patience);
        assert_eq!(vitals.allowance(10, LONG), patience);
        assert!(vitals.allowance(8 * BYTES_PER_SECOND, LONG) >= Duration::from_secs(8));
        vitals.note_answer(Duration::from_secs(3));
        assert_eq!(vitals.allowance(10, LONG), Duration::from_secs(6));
        vitals.note_answer(Duration::from_millis(1));
        assert_eq!(vitals.allowance(10, LONG), patience, "one quick answer, and it is quick again");
    }

    #[test]
    fn an_answer_is_overdue_at_the_deadline_at_the_latest() {
        let (patience, longest) = (Duration::from_millis(1_250), Duration::from_millis(2_500));
        let vitals = Vitals::new(patience);
        assert_eq!(vitals.allowance(8 * BYTES_PER_SECOND, longest), longest);
        for slow in [1_700, 60_000, u64::MAX / 1_000] {
            vitals.note_answer(Duration::from_millis(slow));
            assert_eq!(vitals.allowance(10, longest), longest, "after {slow} ms");
        }
        let little = Duration::from_millis(10);
        assert!(vitals.allowance(10, little) >= patience, "a command that had little time left says nothing");
    }
}
