use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Instant;

use futures::future::BoxFuture;

use super::timers::{Driver, Sleep, Timers};
use super::{Clock, Tick, WallTime};

/// The system's time.
///
/// Waits are served by one thread of the clock's own, which starts with the first wait and ends
/// with the clock and its last wait; so it works under any executor, and without one.
#[derive(Debug)]
pub struct SystemClock {
    service: Arc<Service>,
}

/// What the clock and its waits hold together; the thread holds only [`ClockThread`].
#[derive(Debug)]
struct Service {
    shared: Arc<ClockThread>,
    thread: OnceLock<Thread>,
}

#[derive(Debug)]
struct ClockThread {
    origin: Instant,
    timers: Timers,
    closed: AtomicBool,
}

impl SystemClock {
    /// A clock that counts from now.
    #[must_use]
    pub fn new() -> Self {
        let shared =
            ClockThread { origin: Instant::now(), timers: Timers::default(), closed: AtomicBool::new(false) };
        Self { service: Arc::new(Service { shared: Arc::new(shared), thread: OnceLock::new() }) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Tick {
        self.service.now()
    }

    fn wall(&self) -> WallTime {
        WallTime::now()
    }

    fn sleep_until(&self, at: Tick) -> BoxFuture<'static, ()> {
        Box::pin(Sleep::new(Arc::clone(&self.service), at))
    }
}

impl ClockThread {
    fn now(&self) -> Tick {
        Tick::default() + self.origin.elapsed()
    }

    /// Wakes what is due, and sleeps until the next is.
    fn serve(&self) {
        while !self.closed.load(Ordering::Acquire) {
            match self.timers.fire(self.now()) {
                Some(next) => thread::park_timeout(next - self.now()),
                None => thread::park(),
            }
        }
    }
}

impl Driver for Service {
    fn timers(&self) -> &Timers {
        &self.shared.timers
    }

    fn now(&self) -> Tick {
        self.shared.now()
    }

    fn check_earlier(&self) {
        let start = || {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("rhai-clock".into()).spawn(move || shared.serve());
            // As with `std::thread::spawn`: without a thread no timeout of the process would fire.
            thread.expect("the system gives a thread for timers").thread().clone()
        };
        self.thread.get_or_init(start).unpark();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::executor::block_on;
    use futures::future::{self, Either};

    use super::*;

    #[test]
    fn a_sleep_is_never_early_and_an_earlier_one_overtakes() {
        let clock = SystemClock::new();
        let start = clock.now();
        let long = clock.sleep_until(start + Duration::from_secs(3_600));
        let short = clock.sleep_until(start + Duration::from_millis(20));
        match block_on(future::select(long, short)) {
            Either::Right(((), _)) => assert!(clock.now() - start >= Duration::from_millis(20)),
            Either::Left(_) => panic!("an hour has not gone by"),
        }
        assert!(clock.service.timers().next_due().is_none(), "a dropped sleep leaves nothing behind");
    }

    #[test]
    fn a_waker_that_panics_stops_no_other_wait() {
        struct Panics;
        impl std::task::Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("a waker of the caller's");
            }
        }
        let clock = SystemClock::new();
        let at = clock.now() + Duration::from_millis(1);
        let (mut first, second) = (clock.sleep_until(at), clock.sleep_until(at + Duration::from_millis(1)));
        let waker = std::task::Waker::from(Arc::new(Panics));
        while first.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending() {
            std::thread::yield_now(); // until it is due, and the waker has been called or was too late
        }
        block_on(second);
    }
}
