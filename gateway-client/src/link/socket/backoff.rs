use std::time::Duration;

use crate::config::ClientConfig;

/// The pauses between attempts to connect.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) const fn new(config: &ClientConfig) -> Self {
        let (min, max) = (config.min_reconnect_pause, config.max_reconnect_pause);
        Self { min, max, next: min }
    }

    /// The gateway has answered: the next pause is the shortest.
    pub(super) const fn reset(&mut self) {
        self.next = self.min;
    }

    /// The pause before the next attempt. It is shortened at random, so that the clients of a gateway that starts again do
    /// not come at one moment.
    pub(super) fn pause(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(self.max);
        full.mul_f64(0.5 + random() / 2.0)
    }
}

/// From 0 to below 1. Without a source of randomness, a half.
fn random() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let config = ClientConfig::default()
            .with_min_reconnect_pause(Duration::from_millis(100))
            .with_max_reconnect_pause(Duration::from_millis(300));
        let mut backoff = Backoff::new(&config);
        for full in [100, 200, 300, 300] {
            let pause = backoff.pause();
            let full = Duration::from_millis(full);
            assert!(full / 2 <= pause && pause <= full, "{pause:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(100));
    }
}
