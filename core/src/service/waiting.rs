use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::signature::Signature;
use super::slot::Slot;
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
    Turn(Arc<Turn>),
}

/// The wait of a caller for a place in the backlog.
pub(super) struct Turn {
    /// Its number in the channel's line.
    pub(super) number: u64,
    state: Mutex<TurnState>,
}

enum TurnState {
    Waiting(Waker),
    Granted,
    /// All workers have ended.
    Refused,
}

impl Turn {
    /// One that waits in the line.
    pub(super) const fn waiting(number: u64, waker: Waker) -> Self {
        Self { number, state: Mutex::new(TurnState::Waiting(waker)) }
    }

    /// One that does not have to wait. No number of a line is zero.
    pub(super) const fn decided(granted: bool) -> Self {
        let state = if granted { TurnState::Granted } else { TurnState::Refused };
        Self { number: 0, state: Mutex::new(state) }
    }

    pub(super) fn is_granted(&self) -> bool {
        matches!(*lock(&self.state), TurnState::Granted)
    }

    /// Decides it; the answer is the waker of its caller.
    pub(super) fn decide(&self, granted: bool) -> Option<Waker> {
        let decided = if granted { TurnState::Granted } else { TurnState::Refused };
        match std::mem::replace(&mut *lock(&self.state), decided) {
            TurnState::Waiting(waker) => Some(waker),
            TurnState::Granted | TurnState::Refused => None,
        }
    }

    /// Whether it is granted, once that is decided.
    pub(super) fn poll_granted(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        let before = match &mut *state {
            TurnState::Granted => return Poll::Ready(true),
            TurnState::Refused => return Poll::Ready(false),
            TurnState::Waiting(waker) => std::mem::replace(waker, cx.waker().clone()),
        };
        // After the lock: dropping a waker may run code of its executor.
        drop(state);
        drop(before);
        Poll::Pending
    }
}
