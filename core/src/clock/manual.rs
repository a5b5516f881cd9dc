use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::timers::{Driver, Sleep, Timers};
use super::{Activity, Clock, Tick, WallTime};

/// A clock that stands still until a test moves it. Clones are the same clock.
///
/// Workers renew their leases by it: [`advance`](Self::advance) by more than a lease ends them. A `TestHarness` moves
/// it in steps.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    timers: Arc<Timers>,
    activity: Activity,
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

    /// Waits until all workers on transports with this clock have nothing to do before time passes.
    ///
    /// Functions of scripts that wait for something else than this clock or a blocking thread, such as an answer from
    /// the network, count as nothing to do.
    pub fn wait_until_idle(&self) {
        self.activity.wait_until_idle();
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

    fn activity(&self) -> Option<Activity> {
        Some(self.activity.clone())
    }
}

impl Driver for Timers {
    fn timers(&self) -> &Timers {
        self
    }

    fn now(&self) -> Tick {
        self.fired_until()
    }

    fn check_earlier(&self) {}
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
