use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// What is known of a connection's life: how quick it is, and whether an answer is overdue.
///
/// A socket can be dead without an error: a machine or a firewall between has forgotten it. The only sign is an
/// answer that does not come. How long it may take is the patience of its link, twice as long as the last answer
/// took, and the time that the bytes of the command need; a command that blocks may wait for as long as it says.
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

    /// How long the answer to so many bytes may take until it is overdue.
    pub(super) fn allowance(&self, bytes: usize) -> Duration {
        let last = Duration::from_micros(self.last.load(Ordering::Relaxed));
        let transfer = Duration::from_millis((bytes / (BYTES_PER_SECOND / 1_000)) as u64);
        self.patience.max(last * 2) + transfer
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

    #[test]
    fn a_slow_network_has_more_time_and_a_large_command_too() {
        let patience = Duration::from_secs(1);
        let vitals = Vitals::new(patience);
        assert_eq!(vitals.allowance(10), patience);
        assert!(vitals.allowance(8 * BYTES_PER_SECOND) >= Duration::from_secs(8));
        vitals.note_answer(Duration::from_secs(3));
        assert_eq!(vitals.allowance(10), Duration::from_secs(6));
        vitals.note_answer(Duration::from_millis(1));
        assert_eq!(vitals.allowance(10), patience, "one quick answer, and it is quick again");
    }
}
