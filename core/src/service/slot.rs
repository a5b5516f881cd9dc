use std::mem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use super::call_error::CallError;
use super::signature::Signature;
use crate::{Tick, lock};

/// The place of one call's answer, shared by its caller and the worker: the one allocation of a call.
pub(super) struct Slot<S: Signature> {
    /// The number of its request in the channel's lines. Read and written only under the channel's lock.
    number: AtomicU64,
    deadline: Option<Tick>,
    delivery: u32,
    state: Mutex<State<S>>,
}

pub(super) type Answer<S> = Result<<S as Signature>::Response, CallError<<S as Signature>::Error>>;

enum State<S: Signature> {
    /// The caller waits.
    Waiting(Waker),
    /// The answer is there.
    Answered(Answer<S>),
    /// The caller has the answer, or gave up.
    Over,
}

impl<S: Signature> Slot<S> {
    /// The slot of a caller that is woken by `waker`.
    pub(super) const fn new(waker: Waker, deadline: Option<Tick>, delivery: u32) -> Self {
        Self { number: AtomicU64::new(0), deadline, delivery, state: Mutex::new(State::Waiting(waker)) }
    }

    pub(super) const fn delivery(&self) -> u32 {
        self.delivery
    }

    pub(super) const fn deadline(&self) -> Option<Tick> {
        self.deadline
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    pub(super) fn set_number(&self, number: u64) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// Stores the answer and wakes the caller. `false` if the caller gave up.
    pub(super) fn answer(&self, answer: Answer<S>) -> bool {
        let mut state = lock(&self.state);
        if !matches!(*state, State::Waiting(_)) {
            return false;
        }
        let before = mem::replace(&mut *state, State::Answered(answer));
        drop(state);
        if let State::Waiting(waker) = before {
            waker.wake();
        }
        true
    }

    /// Takes the answer, or has the caller woken when it is there.
    pub(super) fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Answer<S>> {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Waiting(waker) if waker.will_wake(cx.waker()) => return Poll::Pending,
            State::Waiting(waker) => {
                let before = mem::replace(waker, cx.waker().clone());
                // After the lock: dropping a waker may run code of its executor.
                drop(state);
                drop(before);
                return Poll::Pending;
            }
            State::Answered(_) | State::Over => {}
        }
        match mem::replace(&mut *state, State::Over) {
            State::Answered(answer) => Poll::Ready(answer),
            // A call takes its answer once.
            State::Waiting(_) | State::Over => Poll::Pending,
        }
    }

    /// Takes an answer that came at the last moment; later ones are refused.
    pub(super) fn give_up(&self) -> Option<Answer<S>> {
        let before = mem::replace(&mut *lock(&self.state), State::Over);
        match before {
            State::Answered(answer) => Some(answer),
            State::Waiting(_) | State::Over => None,
        }
    }

    /// Whether the caller gave up.
    pub(super) fn is_over(&self) -> bool {
        matches!(*lock(&self.state), State::Over)
    }
}
