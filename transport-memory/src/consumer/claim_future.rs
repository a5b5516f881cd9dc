use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rhai_dispatcher_core::{Claimed, TransportError};

use super::membership::Membership;
use crate::hub::Effects;
use crate::queue::ClaimAnswer;

/// Waits for tasks. What it claims it returns in the same poll, so dropping it loses nothing; a
/// wake-up that it got and did not use is passed on.
pub(super) struct ClaimFuture {
    member: Arc<Membership>,
    max: NonZeroUsize,
    /// Its place among the claims that wait in the queue.
    place: Option<u64>,
}

impl ClaimFuture {
    pub(super) fn new(member: Arc<Membership>, max: NonZeroUsize) -> Self {
        Self { member, max, place: None }
    }
}

impl Future for ClaimFuture {
    type Output = Result<Vec<Claimed>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { member, max, place } = &mut *self;
        let Membership { hub, queue, instance, .. } = &**member;
        let mut effects = Effects::new(hub);
        let replaced; // dropped after the lock is released
        let mut state = queue.lock();
        replaced = place.and_then(|place| state.claimers.still_waits(place, cx.waker()));
        if replaced.is_some() {
            return Poll::Pending; // nothing has happened since the last poll
        }
        let kept = place.take().map_or(0, |place| state.claimers.looked(place));
        let mut held = instance.lock();
        let answer = state.claim(instance.id, &mut held, max.get(), kept, &mut effects);
        // For the end of a group's observation, and of the time for which tasks are kept.
        let arms = matches!(answer, ClaimAnswer::Group(_)) || state.claimers.kept_until().is_some();
        let answer = match answer {
            ClaimAnswer::Claimed(claimed) | ClaimAnswer::Group(claimed) => Poll::Ready(Ok(claimed)),
            ClaimAnswer::Detached => Poll::Ready(Err(TransportError::Detached)),
            ClaimAnswer::HeldUp => {
                held.hold_up(cx.waker());
                Poll::Pending
            }
            ClaimAnswer::Empty => {
                *place = Some(state.claimers.wait(cx.waker().clone()));
                Poll::Pending
            }
        };
        // Whatever woke this future: another claim takes the rest.
        if place.is_none() && state.has_work() {
            state.wake_claimer(&mut effects);
        }
        drop(held);
        if arms {
            hub.arm(queue, &mut state);
        }
        drop(state);
        answer
    }
}

impl Drop for ClaimFuture {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let Membership { hub, queue, .. } = &*self.member;
        let mut effects = Effects::new(hub);
        let mut state = queue.lock();
        let waker = state.claimers.leave(place);
        if waker.is_none() && state.has_work() {
            state.wake_claimer(&mut effects);
        }
        drop(state);
        drop(waker);
    }
}
