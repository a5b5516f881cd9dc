use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;

use super::run_probe::RunProbe;
use crate::CancelReason;

/// Why a run has to end before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The task is cancelled.
    Cancelled(CancelReason),
    /// The claim is lost: another instance may run the task.
    Lost,
    /// The worker shuts down, and releases the task.
    Drained,
}

/// Tells one run to end. Clones are the same token; the first stop is the one that counts.
#[derive(Clone, Default)]
pub struct StopToken {
    shared: Arc<StopState>,
}

#[derive(Default)]
struct StopState {
    /// 0, or the code of a [`Stop`].
    stop: AtomicU8,
    waker: AtomicWaker,
    /// Here, so that a run has one allocation for all that others share with it.
    probe: RunProbe,
}

const STOPS: [Stop; 6] = [
    Stop::Cancelled(CancelReason::Asked),
    Stop::Cancelled(CancelReason::Withdrawn),
    Stop::Cancelled(CancelReason::Expired),
    Stop::Cancelled(CancelReason::Parent),
    Stop::Lost,
    Stop::Drained,
];

impl StopToken {
    /// A token that has not fired.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Fires it, unless it has fired already.
    pub fn stop(&self, why: Stop) {
        let position = STOPS.iter().position(|stop| *stop == why);
        let code = position.and_then(|index| u8::try_from(index + 1).ok()).unwrap_or(u8::MAX);
        if self.shared.stop.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.shared.waker.wake();
        }
    }

    /// Why the run has to end, if it has to. Cheap enough for every operation of a script.
    #[must_use]
    pub fn get(&self) -> Option<Stop> {
        match self.shared.stop.load(Ordering::Acquire) {
            0 => None,
            code => Some(STOPS.get(usize::from(code) - 1).copied().unwrap_or(Stop::Drained)),
        }
    }

    /// Where the run notes what it does.
    pub(super) fn probe(&self) -> &RunProbe {
        &self.shared.probe
    }

    /// Drops the waker that waits for it: the waker of a task holds the token, which would hold the waker.
    pub(super) fn forget(&self) {
        drop(self.shared.waker.take());
    }

    /// Is ready when the run has to end. Only the last task that polled is woken.
    pub fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<Stop> {
        if let Some(stop) = self.get() {
            return Poll::Ready(stop);
        }
        self.shared.waker.register(cx.waker());
        // It may have fired between the check and the registration.
        self.get().map_or(Poll::Pending, Poll::Ready)
    }
}

impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StopToken").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::poll_fn;

    use super::*;

    #[test]
    fn the_first_stop_counts() {
        for why in STOPS {
            let token = StopToken::new();
            assert_eq!(token.get(), None);
            assert!(poll_fn(|cx| token.poll_stopped(cx)).now_or_never().is_none());
            token.clone().stop(why);
            token.stop(Stop::Lost);
            assert_eq!(poll_fn(|cx| token.poll_stopped(cx)).now_or_never(), Some(why));
        }
    }
}
