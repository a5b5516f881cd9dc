use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::timers::{Driver, Sleep, Timers};
use super::{Clock, Tick, WallTime};

/// A clock that stands still until a test moves it. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    timers: Arc<Timers>,
}

impl ManualClock {
    /// Where the wall time begins: 2023-11-14T22:13:20Z.
    const EPOCH: WallTime = WallTime::from_millis(1_700_000_000_000);

    /// A clock that stands at its first moment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock on and wakes what is due by then.
    pub fn advance(&self, by: Duration) {
        self.timers.fire(self.timers.fired_until() + by);
    }

    /// When the earliest wait is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Tick> {
        self.timers.next_due()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Tick {
        self.timers.fired_until()
    }

    fn wall(&self) -> WallTime {
        Self::EPOCH + (self.now() - Tick::default())
    }

    fn sleep_until(&self, at: Tick) -> BoxFuture<'static, ()> {
        Box::pin(Sleep::new(Arc::clone(&self.timers), at))
    }
}

impl Driver for Timers {
    fn timers(&self) -> &Timers {
        self
    }

    fn now(&self) -> Tick {
        self.fired_until()
    }

    fn look_earlier(&self) {}
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn time_moves_only_by_hand() {
        let clock = ManualClock::new();
        let mut sleep = clock.sleep_until(clock.now() + Duration::from_secs(5));
        assert!((&mut sleep).now_or_never().is_none());
        clock.advance(Duration::from_secs(4));
        assert!((&mut sleep).now_or_never().is_none());
        assert_eq!(clock.next_due(), Some(Tick::default() + Duration::from_secs(5)));
        clock.advance(Duration::from_secs(1));
        assert!(sleep.now_or_never().is_some());
    }
}
