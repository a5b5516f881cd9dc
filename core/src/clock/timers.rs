use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use super::Tick;
use crate::lock;

/// The waits of one clock, ordered by when they are due.
#[derive(Debug, Default)]
pub(super) struct Timers {
    state: Mutex<Waits>,
}

#[derive(Debug, Default)]
struct Waits {
    /// The time that was last fired for.
    now: Tick,
    waits: BTreeMap<(Tick, u64), Waker>,
    next_id: u64,
    /// When the clock checks the waits next. It may be early, if that wait was dropped: most waits are, and waking the
    /// clock for each would cost more.
    checks_at: Option<Tick>,
}

/// What a clock adds to its waits.
pub(super) trait Driver: Send + Sync + 'static {
    /// The waits.
    fn timers(&self) -> &Timers;

    /// The clock's time.
    fn now(&self) -> Tick;

    /// Is called, with no lock held, when the clock has to check the waits earlier than it would.
    fn check_earlier(&self);
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Waits> {
        lock(&self.state)
    }

    /// Wakes all that is due at `now`, with no lock held, and returns the next due moment.
    pub(super) fn fire(&self, now: Tick) -> Option<Tick> {
        let mut state = self.lock();
        state.now = state.now.max(now);
        let later = state.waits.split_off(&(Tick::from_nanos(now.as_nanos().saturating_add(1)), 0));
        let due = std::mem::replace(&mut state.waits, later);
        let next = state.waits.keys().next().map(|(at, _)| *at);
        state.checks_at = next;
        drop(state);
        for waker in due.into_values() {
            // A waker that panics must not keep the clock from waking the others.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
        next
    }

    /// The time that was last given to [`fire`](Self::fire).
    pub(super) fn fired_until(&self) -> Tick {
        self.lock().now
    }

    /// The earliest wait.
    pub(super) fn next_due(&self) -> Option<Tick> {
        self.lock().waits.keys().next().map(|(at, _)| *at)
    }
}

/// A wait of one clock; see [`Clock::sleep_until`](super::Clock::sleep_until).
pub(super) struct Sleep<D: Driver> {
    /// Keeps the clock's service alive as long as there is a wait.
    driver: Arc<D>,
    at: Tick,
    key: Option<(Tick, u64)>,
}

impl<D: Driver> Sleep<D> {
    pub(super) const fn new(driver: Arc<D>, at: Tick) -> Self {
        Self { driver, at, key: None }
    }
}

impl<D: Driver> Future for Sleep<D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.driver.now() >= this.at {
            return Poll::Ready(());
        }
        let mut state = this.driver.timers().lock();
        // The clock may have checked its waits meanwhile. It would not check again for this one.
        if state.now >= this.at {
            return Poll::Ready(());
        }
        let key = match this.key {
            Some(key) => key,
            None => {
                state.next_id += 1;
                (this.at, state.next_id)
            }
        };
        let too_late = state.checks_at.is_none_or(|checks_at| this.at < checks_at);
        if too_late {
            state.checks_at = Some(this.at);
        }
        match state.waits.get_mut(&key) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                state.waits.insert(key, cx.waker().clone());
            }
        }
        drop(state);
        this.key = Some(key);
        if too_late {
            this.driver.check_earlier();
        }
        Poll::Pending
    }
}

impl<D: Driver> Drop for Sleep<D> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.driver.timers().lock().waits.remove(&key);
            drop(waker); // after the lock: dropping a waker may run code of its executor
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::FutureExt;

    use super::*;

    /// A clock that stands at 5, and counts the calls of `check_earlier`.
    #[derive(Default)]
    struct Stands {
        timers: Timers,
        checks: AtomicU64,
    }

    impl Driver for Stands {
        fn timers(&self) -> &Timers {
            &self.timers
        }

        fn now(&self) -> Tick {
            Tick::from_nanos(5)
        }

        fn check_earlier(&self) {
            self.checks.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_wait_that_was_missed_hides_no_later_one() {
        let driver = Arc::new(Stands::default());
        let sleep = |at| Sleep::new(Arc::clone(&driver), Tick::from_nanos(at));
        // The clock has moved on since the wait asked for the time.
        driver.timers.fire(Tick::from_nanos(10));
        assert_eq!(sleep(7).now_or_never(), Some(()));
        let mut later = Box::pin(sleep(20));
        assert_eq!(later.as_mut().now_or_never(), None);
        assert_eq!(driver.checks.load(Ordering::Relaxed), 1);
    }
}
