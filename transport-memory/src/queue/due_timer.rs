use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use rhai_dispatcher_core::{Clock, Tick};

/// Wakes a waker once, when something in a queue is next due. Dropping it ends the timer.
pub(crate) struct DueTimer {
    pub(crate) at: Tick,
    /// Registered with the clock.
    _sleep: BoxFuture<'static, ()>,
}

impl DueTimer {
    /// Registers `waker` with `clock` for `at`, or a moment later if that is over.
    pub(crate) fn new(clock: &Arc<dyn Clock>, at: Tick, waker: &Waker) -> Self {
        let mut sleep = clock.sleep_until(at);
        // A sleep that is over already would call no waker.
        while sleep.as_mut().poll(&mut Context::from_waker(waker)).is_ready() {
            sleep = clock.sleep_until(clock.now() + Duration::from_millis(1));
        }
        Self { at, _sleep: sleep }
    }
}
