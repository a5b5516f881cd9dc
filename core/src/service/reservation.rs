use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::channel::{Admission, Channel};
use super::signature::Signature;
use super::waiting::{Turn, Waiting};
use crate::lock;

/// A place in the backlog for a request that is sent later, or a place in the line for one. Dropping it gives it back.
pub(super) struct Reservation<S: Signature> {
    channel: Arc<Channel<S>>,
    /// Gone once its place was used.
    turn: Option<Arc<Turn>>,
}

impl<S: Signature> Reservation<S> {
    /// Takes a place, or gets in line for one behind all calls that wait.
    pub(super) fn new(channel: &Arc<Channel<S>>, waker: &Waker) -> Self {
        Self { turn: Some(channel.turn(waker)), channel: Arc::clone(channel) }
    }

    /// Whether it is granted; not if all workers have ended.
    pub(super) fn poll_granted(&self, cx: &mut Context<'_>) -> Poll<bool> {
        self.turn.as_ref().map_or(Poll::Ready(false), |turn| turn.poll_granted(cx))
    }

    /// What a request may do that is sent now.
    #[cfg(feature = "tower")]
    pub(super) fn into_admission(mut self) -> Admission {
        if self.turn.as_ref().is_some_and(|turn| turn.is_granted()) {
            self.turn = None;
            return Admission::Reserved;
        }
        Admission::Wait
    }
}

impl<S: Signature> Drop for Reservation<S> {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let waiting = lock(&self.channel.state).waiting.remove(turn.number);
        if waiting.is_none() && turn.is_granted() {
            self.channel.release();
        }
    }
}

impl<S: Signature> Channel<S> {
    fn turn(&self, waker: &Waker) -> Arc<Turn> {
        let mut state = lock(&self.state);
        if state.workers == 0 {
            return Arc::new(Turn::decided(false));
        }
        if state.has_room(self.backlog, Admission::Try) {
            state.reserved += 1;
            return Arc::new(Turn::decided(true));
        }
        let number = state.next_number();
        let turn = Arc::new(Turn::waiting(number, waker.clone()));
        state.waiting.push_back(number, Waiting::Turn(Arc::clone(&turn)));
        turn
    }

    /// Gives a reserved place to the next that waits.
    pub(super) fn release(&self) {
        let mut state = lock(&self.state);
        state.reserved -= 1;
        let wake = state.admit(self.backlog);
        drop(state);
        if let Some(waker) = wake {
            waker.wake();
        }
    }
}
