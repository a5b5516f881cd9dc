use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use rhai_dispatcher_core::{Clock, SystemClock, Tick, WallTime};

/// Local waits, and the server's wall time.
///
/// Each answer with a time in it says where the server's clock stood between the sending of the
/// request and the arrival of the answer; the offset is kept within what the answers allow, so the
/// quick ones decide.
#[derive(Debug)]
pub(crate) struct RedisClock {
    system: SystemClock,
    /// What to add to the monotonic time to get the server's wall time, in microseconds.
    offset: AtomicI64,
    /// Whether the server has been heard.
    synchronized: AtomicBool,
}

impl RedisClock {
    pub(crate) fn new() -> Self {
        let system = SystemClock::new();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let offset = micros(wall) - tick_micros(system.now());
        Self { system, offset: AtomicI64::new(offset), synchronized: AtomicBool::new(false) }
    }

    /// Learns from an answer: the server's clock stood at `server` ms at some time from `sent` on.
    pub(crate) fn learn(&self, server: u64, sent: Tick) {
        let server = i64::try_from(server).unwrap_or(i64::MAX / 2_000) * 1_000;
        // Milliseconds are cut off: it was up to a millisecond later than it says.
        let lowest = server - tick_micros(self.system.now());
        let highest = server + 999 - tick_micros(sent);
        let offset = self.offset.load(Ordering::Relaxed);
        let new = if self.synchronized.swap(true, Ordering::Relaxed) {
            offset.clamp(lowest, highest.max(lowest))
        } else {
            i64::midpoint(lowest, highest)
        };
        if new != offset {
            self.offset.store(new, Ordering::Relaxed);
        }
    }
}

impl Clock for RedisClock {
    fn now(&self) -> Tick {
        self.system.now()
    }

    fn wall(&self) -> WallTime {
        let micros = tick_micros(self.system.now()) + self.offset.load(Ordering::Relaxed);
        WallTime::from_millis(u64::try_from(micros / 1_000).unwrap_or_default())
    }

    fn sleep_until(&self, at: Tick) -> BoxFuture<'static, ()> {
        self.system.sleep_until(at)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}

fn tick_micros(tick: Tick) -> i64 {
    micros(Duration::from_nanos(tick.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_time_counts() {
        let clock = RedisClock::new();
        for hours in [1_u64, 1, 3] {
            let server = hours * 3_600_000;
            clock.learn(server, clock.now());
            let wall = clock.wall().as_millis();
            assert!(wall.abs_diff(server) <= 5, "{wall} beside {server}");
        }
    }
}
