use std::time::Duration;

/// The pauses before restarts: they double while the process keeps dying early.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

/// The first pause.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// How long a process has to live for the next pause to be the first one again.
const HEALTHY: Duration = Duration::from_secs(60);

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: SHORTEST }
    }

    /// Whether a process that lived for so long does not count as one that keeps dying.
    pub(crate) fn is_healthy(lived: Duration) -> bool {
        lived >= HEALTHY
    }

    /// The pause after the death of a process that lived for so long.
    pub(crate) fn after(&mut self, lived: Duration) -> Duration {
        let pause = if Self::is_healthy(lived) { SHORTEST } else { self.next };
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute_and_begin_anew_after_a_healthy_minute() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..11).map(|_| backoff.after(Duration::from_secs(59)).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(backoff.after(Duration::from_secs(60)).as_millis(), 100);
        assert_eq!(backoff.after(Duration::ZERO).as_millis(), 200);
    }
}
