use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whether and when a task that ended in an error is tried again.
///
/// Only errors that may pass are retried ([`is_retryable`](crate::TaskErrorKind::is_retryable)).
/// Deliveries after the death of an instance are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many times it is tried again. Default: 0.
    pub max_retries: u32,
    /// The wait before the first retry; it doubles with each further one. Default: 1 s.
    pub first_backoff: Duration,
    /// The longest wait. Default: 60 s.
    pub max_backoff: Duration,
}

impl RetryPolicy {
    /// No retries.
    #[must_use]
    pub const fn never() -> Self {
        Self { max_retries: 0, first_backoff: Duration::from_secs(1), max_backoff: Duration::from_secs(60) }
    }

    /// Sets how many times it is tried again.
    #[must_use]
    pub const fn with_max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// Sets the wait before the first retry.
    #[must_use]
    pub const fn with_first_backoff(mut self, backoff: Duration) -> Self {
        self.first_backoff = backoff;
        self
    }

    /// Sets the longest wait.
    #[must_use]
    pub const fn with_max_backoff(mut self, backoff: Duration) -> Self {
        self.max_backoff = backoff;
        self
    }

    /// The wait before the retry that follows `attempt` failed ones (from 1), between half of the
    /// backoff and all of it, so that tasks that failed together don't come back together.
    ///
    /// `None` if the task has had all its tries. The jitter is taken from `seed`, such as a part
    /// of the task's id. "Equal jitter" after Marc Brooker, "Exponential Backoff And Jitter",
    /// AWS Architecture Blog, 2015.
    #[must_use]
    pub fn backoff(&self, attempt: u32, seed: u64) -> Option<Duration> {
        if attempt > self.max_retries {
            return None;
        }
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1).min(31));
        let full = self.first_backoff.saturating_mul(factor).min(self.max_backoff);
        // SplitMix64's finalizer: neighbouring seeds and attempts give unrelated jitter.
        let mut mixed = seed.wrapping_add(u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (mixed >> 40) as f64 / (1_u64 << 24) as f64;
        Some(full.mul_f64(0.5 + share / 2.0))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::never()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_bound_and_ends() {
        let policy = RetryPolicy::never().with_max_retries(40);
        for seed in 0..100 {
            for (attempt, full) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60)] {
                let wait = policy.backoff(attempt, seed).expect("a try is left");
                let full = Duration::from_secs(full);
                assert!(wait >= full / 2 && wait <= full, "{attempt}: {wait:?}");
            }
        }
        assert_eq!(policy.backoff(41, 0), None);
        assert_eq!(RetryPolicy::never().backoff(1, 0), None);
    }
}
