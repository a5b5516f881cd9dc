use std::sync::Arc;
#[cfg(feature = "tower")]
use std::sync::Mutex;
#[cfg(feature = "tower")]
use std::task::{Context, Poll, Waker};

use super::signature::Signature;
use super::slot::Slot;
#[cfg(feature = "tower")]
use crate::lock;

/// A request in a line of the channel.
pub(super) struct Entry<S: Signature> {
    pub(super) request: S::Request,
    pub(super) slot: Arc<Slot<S>>,
}

/// What waits for room in the backlog.
pub(super) enum Waiting<S: Signature> {
    /// A request.
    Entry(Entry<S>),
    /// A caller that has no request yet.
    #[cfg(feature = "tower")]
    Reservation(Arc<Reservation>),
}

/// A place in the backlog for one request that is sent later.
#[cfg(feature = "tower")]
pub(super) struct Reservation {
    pub(super) number: u64,
    state: Mutex<Reserved>,
}

#[cfg(feature = "tower")]
enum Reserved {
    Waiting(Waker),
    Granted,
    /// All workers have ended.
    Gone,
}

#[cfg(feature = "tower")]
impl Reservation {
    pub(super) const fn waiting(number: u64, waker: Waker) -> Self {
        Self { number, state: Mutex::new(Reserved::Waiting(waker)) }
    }

    /// One that did not have to wait.
    pub(super) const fn granted() -> Self {
        Self { number: 0, state: Mutex::new(Reserved::Granted) }
    }

    /// One that no worker serves.
    pub(super) const fn refused() -> Self {
        Self { number: 0, state: Mutex::new(Reserved::Gone) }
    }

    pub(super) fn is_granted(&self) -> bool {
        matches!(*lock(&self.state), Reserved::Granted)
    }

    /// Decides it; the answer is the waker of its caller.
    pub(super) fn decide(&self, granted: bool) -> Option<Waker> {
        let decided = if granted { Reserved::Granted } else { Reserved::Gone };
        match std::mem::replace(&mut *lock(&self.state), decided) {
            Reserved::Waiting(waker) => Some(waker),
            Reserved::Granted | Reserved::Gone => None,
        }
    }

    /// Whether it is granted, once that is decided.
    pub(super) fn poll_granted(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        let before = match &mut *state {
            Reserved::Granted => return Poll::Ready(true),
            Reserved::Gone => return Poll::Ready(false),
            Reserved::Waiting(waker) => std::mem::replace(waker, cx.waker().clone()),
        };
        // After the lock: dropping a waker may run code of its executor.
        drop(state);
        drop(before);
        Poll::Pending
    }
}
