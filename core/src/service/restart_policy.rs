use std::time::Duration;

/// Whether and when a worker that panicked is started again.
///
/// The pause before a restart doubles while the worker keeps panicking early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestartPolicy {
    /// How many restarts in a row there are at most; the next panic ends the worker. A worker that lived for
    /// [`healthy_after`](Self::healthy_after) begins a new row. Default: as many as it takes.
    pub max_restarts: u32,
    /// The pause before the first restart in a row. Default: 100 ms.
    pub first_backoff: Duration,
    /// The longest pause. Default: 30 s.
    pub max_backoff: Duration,
    /// How long a worker has to live for its next panic to count as the first. Default: 60 s.
    pub healthy_after: Duration,
}

impl RestartPolicy {
    /// No restarts: the first panic ends the worker.
    #[must_use]
    pub fn never() -> Self {
        Self::default().with_max_restarts(0)
    }

    /// Sets [`max_restarts`](Self::max_restarts).
    #[must_use]
    pub const fn with_max_restarts(mut self, max_restarts: u32) -> Self {
        self.max_restarts = max_restarts;
        self
    }

    /// Sets [`first_backoff`](Self::first_backoff) and [`max_backoff`](Self::max_backoff).
    #[must_use]
    pub const fn with_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.first_backoff = first;
        self.max_backoff = max;
        self
    }

    /// Sets [`healthy_after`](Self::healthy_after).
    #[must_use]
    pub const fn with_healthy_after(mut self, lived: Duration) -> Self {
        self.healthy_after = lived;
        self
    }

    /// The pause before the restart of that number in a row, 1-based; `None` if there are not so many.
    #[must_use]
    pub fn backoff(&self, restart: u32) -> Option<Duration> {
        if restart > self.max_restarts {
            return None;
        }
        let factor = 2_u32.saturating_pow(restart.saturating_sub(1).min(31));
        Some(self.first_backoff.saturating_mul(factor).min(self.max_backoff))
    }
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            max_restarts: u32::MAX,
            first_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
            healthy_after: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_end() {
        let policy = RestartPolicy::default().with_max_restarts(40);
        let pauses = [1, 2, 3, 9, 10, 40, 41].map(|restart| policy.backoff(restart).map(|p| p.as_millis()));
        let expected = [Some(100), Some(200), Some(400), Some(25_600), Some(30_000), Some(30_000), None];
        assert_eq!(pauses, expected);
        assert_eq!(RestartPolicy::never().backoff(1), None);
    }
}
