use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rhai_dispatcher_core::{CancelReason, Claimed, InstanceId, TransportError};

use crate::consumer::Membership;
use crate::hub::Effects;
use crate::instance::InstanceState;
use crate::quarantine::{Observation, Offer, Quarantine};
use crate::queue::QueueState;
use crate::record::Record;

/// Waits for tasks. What it claims it returns in the same poll, so dropping it loses nothing; a
/// wake-up that it got and did not use is passed on.
pub(crate) struct ClaimFuture {
    member: Arc<Membership>,
    max: NonZeroUsize,
    /// Its place among the claims that wait in the queue.
    place: Option<u64>,
}

impl ClaimFuture {
    pub(crate) fn new(member: Arc<Membership>, max: NonZeroUsize) -> Self {
        Self { member, max, place: None }
    }
}

impl Future for ClaimFuture {
    type Output = Result<Vec<Claimed>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { member, max, place } = &mut *self;
        let Membership { hub, queue, instance } = &**member;
        let mut effects = Effects::new(hub);
        let mut state = queue.lock();
        if let Some(waker) = place.and_then(|place| state.claimers.get_mut(&place)) {
            waker.clone_from(cx.waker()); // nothing has happened since the last poll
            return Poll::Pending;
        }
        if place.take().is_some() {
            state.woken_claimers -= 1;
        }
        let mut held = instance.lock();
        let answer = state.claim(instance.id, &mut held, max.get(), &mut effects);
        let started_group = matches!(answer, Answer::Group(_));
        let answer = match answer {
            Answer::Claimed(claimed) | Answer::Group(claimed) => Poll::Ready(Ok(claimed)),
            Answer::Detached => Poll::Ready(Err(TransportError::Detached)),
            Answer::HeldUp => {
                held.hold_up(cx.waker());
                Poll::Pending
            }
            Answer::Empty => {
                *place = Some(state.wait(cx.waker().clone()));
                Poll::Pending
            }
        };
        // Whatever woke this future: another claim takes the rest.
        if place.is_none() && state.has_work() {
            state.wake_claimer(&mut effects);
        }
        drop(held);
        if started_group {
            queue.arm(&mut state, hub); // for the end of its observation
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
        if state.claimers.remove(&place).is_none() {
            state.woken_claimers -= 1;
            if state.has_work() {
                state.wake_claimer(&mut effects);
            }
        }
        drop(state);
    }
}

enum Answer {
    Claimed(Vec<Claimed>),
    /// A group of the quarantine.
    Group(Vec<Claimed>),
    /// There is nothing to claim.
    Empty,
    /// There may be, but not for this instance now.
    HeldUp,
    Detached,
}

impl QueueState {
    fn wait(&mut self, waker: Waker) -> u64 {
        self.next_claimer += 1;
        self.claimers.insert(self.next_claimer, waker);
        self.next_claimer
    }

    /// Claims up to `max` tasks, though no more than its share, or a group of the quarantine.
    fn claim(
        &mut self,
        instance: InstanceId,
        held: &mut InstanceState,
        max: usize,
        effects: &mut Effects<'_>,
    ) -> Answer {
        if held.detached {
            return Answer::Detached;
        }
        if held.expired {
            return Answer::HeldUp;
        }
        let lease = effects.hub.config.transport.lease;
        if self.quarantine.lives(instance, effects.tick(), lease) {
            self.offer_quarantine(effects);
        }
        if self.quarantine.is_alone(instance) {
            return Answer::HeldUp;
        }
        if self.paused {
            return Answer::Empty;
        }
        self.expire(effects); // no instance is to be reserved for a task that is over
        held.tells_when_free |= !self.quarantine.is_empty();
        match self.quarantine.offer(instance, held.claims.is_empty(), effects.tick(), lease) {
            Offer::Group { size, alone } => {
                let group = self.claim_group(instance, held, size.min(max), alone, effects);
                if !group.is_empty() {
                    return Answer::Group(group);
                }
            }
            Offer::Reserved => return Answer::HeldUp,
            Offer::None => {}
        }
        let max = max.min(self.share());
        let mut claimed = Vec::new();
        while claimed.len() < max {
            let Some(record) = self.ready.pop() else { break };
            if self.may_start(&record, effects) {
                self.ready.note_start();
                claimed.push(self.start(instance, held, record, effects));
            }
        }
        match claimed.is_empty() {
            true => Answer::Empty,
            false => Answer::Claimed(claimed),
        }
    }

    /// How many of the tasks that are ready are one claim's, if those that wait share them.
    fn share(&self) -> usize {
        self.ready_len().div_ceil(1 + self.woken_claimers + self.claimers.len())
    }

    /// Claims the next group of the quarantine, of `size` tasks at most; `alone`: the instance holds nothing else.
    fn claim_group(
        &mut self,
        instance: InstanceId,
        held: &mut InstanceState,
        size: usize,
        alone: bool,
        effects: &mut Effects<'_>,
    ) -> Vec<Claimed> {
        let mut group = Vec::new();
        let is_behind = self.quarantine.next_is_behind();
        while group.len() < size {
            let Some(record) = self.quarantine.pop(is_behind) else { break };
            if self.may_start(&record, effects) {
                group.push(self.start(instance, held, record, effects));
            }
        }
        if let Some(deaths) = group.iter().map(|claimed| claimed.deaths).max() {
            let observation = Quarantine::observation(effects.hub.config.transport.observation, deaths);
            let until = effects.tick() + observation;
            let (size, first) = (group.len(), group[0].claim.task);
            let reserved = self.quarantine.observe(Observation { instance, until, size, alone, first });
            // It may claim others again.
            if let Some(other) = reserved
                && let Some(other) = self.instances.get(&other)
            {
                effects.wakes.extend(other.lock().held_up.drain(..));
            }
        }
        group
    }

    /// Whether a task that was taken out is still to be run; if its time is over, it ends here.
    fn may_start(&mut self, record: &Arc<Record>, effects: &mut Effects<'_>) -> bool {
        if !record.lock().is_pending() {
            self.skipped();
            return false;
        }
        let over = record.latest_start.is_some_and(|at| at <= effects.tick());
        if over && self.cancel_waiting(record, CancelReason::Expired, effects) {
            self.skipped();
        }
        !over
    }

    fn start(
        &mut self,
        instance: InstanceId,
        held: &mut InstanceState,
        record: Arc<Record>,
        effects: &Effects<'_>,
    ) -> Claimed {
        self.waiting -= 1;
        let mut state = record.lock();
        let claim = state.start(record.task.id, instance, effects.now);
        let claimed = Claimed {
            claim,
            task: Arc::clone(&record.task),
            deadline: record.deadline,
            latest_start: record.latest_start,
            attempt: state.progress.attempt,
            deaths: state.progress.deaths,
        };
        drop(state);
        held.claims.insert(claim.task, (claim, record));
        claimed
    }
}
