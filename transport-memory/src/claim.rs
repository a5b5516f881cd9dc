use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rhai_dispatcher_core::{CancelReason, Claimed, InstanceId, TransportError};

use crate::consumer::Membership;
use crate::hub::Effects;
use crate::instance::{InstanceState, Room};
use crate::queue::QueueState;
use crate::record::Record;

/// Waits for tasks. What it claims it returns in the same poll, so dropping it loses nothing; a
/// wake-up that it got and did not use is passed on.
pub(crate) struct ClaimFuture {
    member: Arc<Membership>,
    max: NonZeroUsize,
    /// Its place among those who wait in the queue.
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
        *place = None;
        let mut held = instance.lock();
        let answer = state.claim(instance.id, &mut held, max.get(), &mut effects);
        let answer = match answer {
            Answer::Claimed(claimed) => Poll::Ready(Ok(claimed)),
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
        // Whatever woke this future: what it leaves is somebody else's.
        if place.is_none() && state.has_work() {
            state.wake_claimer(&mut effects);
        }
        let probation = answer.is_ready() && held.probation.is_some();
        drop(held);
        if probation {
            queue.arm(&mut state, hub); // to wake whoever waits for its end
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
        let woken = state.claimers.remove(&place).is_none();
        if woken && state.has_work() {
            state.wake_claimer(&mut effects);
        }
        drop(state);
    }
}

/// How long an instance runs suspects, one after another, before others have a turn.
const SUSPECTS_TURN: Duration = Duration::from_secs(1);

enum Answer {
    Claimed(Vec<Claimed>),
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

    /// Claims up to `max` tasks, or one suspect alone.
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
        if held.expired || held.probation.is_some() {
            return Answer::HeldUp;
        }
        if self.paused {
            return Answer::Empty;
        }
        let turn_over = held.suspects_since.is_some_and(|since| effects.tick() - since > SUSPECTS_TURN);
        if turn_over && !self.ready.is_empty() {
            held.suspects_since = None;
        } else if let Some(answer) = self.claim_suspect(instance, held, effects) {
            return answer;
        }
        let mut claimed = Vec::new();
        while claimed.len() < max {
            let Some(record) = self.ready.pop() else { break };
            if self.may_start(&record, instance, held, effects) {
                claimed.push(self.start(instance, held, record, effects));
            }
        }
        match claimed.is_empty() {
            true => Answer::Empty,
            false => Answer::Claimed(claimed),
        }
    }

    /// Claims the first suspect that this instance has room for. If none has, one of them claims
    /// nothing else until it has.
    fn claim_suspect(
        &mut self,
        instance: InstanceId,
        held: &mut InstanceState,
        effects: &mut Effects<'_>,
    ) -> Option<Answer> {
        let hub = effects.hub;
        let config = &hub.config.transport;
        let is_last = |record: &Arc<Record>| record.lock().progress.deaths + 1 >= config.max_deliveries;
        let suspect = loop {
            // Those that are over need no room.
            let first = self.suspects.pop_front()?;
            if !self.may_start(&first, instance, held, effects) {
                continue;
            }
            self.suspects.push_front(first);
            let place = match held.room() {
                Room::Free => Some(self.suspects.iter().position(is_last).unwrap_or(0)),
                Room::Trusted => self.suspects.iter().position(|record| !is_last(record)),
                Room::None => None,
            };
            let Some(suspect) = place.and_then(|place| self.suspects.remove(place)) else {
                return (*self.making_room.get_or_insert(instance) == instance).then_some(Answer::HeldUp);
            };
            if self.may_start(&suspect, instance, held, effects) {
                break suspect;
            }
        };
        let until = (!is_last(&suspect)).then(|| effects.tick() + config.probation);
        held.suspects.push(suspect.task.id);
        held.probation = Some((suspect.task.id, until));
        held.suspects_since.get_or_insert(effects.tick());
        // Whoever made room for it need not any more.
        if let Some(other) = self.making_room.take().filter(|other| *other != instance) {
            self.look_again(other, effects);
        }
        Some(Answer::Claimed(vec![self.start(instance, held, suspect, effects)]))
    }

    /// Whether a task that was taken out is still to be run; if its time is over, it ends here.
    fn may_start(
        &mut self,
        record: &Arc<Record>,
        instance: InstanceId,
        held: &mut InstanceState,
        effects: &mut Effects<'_>,
    ) -> bool {
        if !record.lock().is_pending() {
            self.skipped();
            return false;
        }
        let over = record.latest_start.is_some_and(|at| at <= effects.tick());
        if over && self.making_room == Some(instance) {
            // Done here, because its lock is held already.
            self.making_room = None;
            effects.wakes.extend(held.held_up.drain(..));
        }
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
