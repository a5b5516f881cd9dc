use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::offer::Offer;
use super::state::{IntakeState, PendingClaim, WorkerClaim};
use crate::worker::Stop;
use crate::worker::early_stops::EarlyStops;
use crate::worker::lane_state::LaneState;
use crate::{Claim, Claimed, Clock, Consumer, ErrorLog, RunActivity, RunState, Tick, TransportError, lock};

/// The tasks that a worker has claimed and not begun, and the claim that brings more.
///
/// The claim belongs to the worker and not to a lane: its wake-up goes to a lane that sleeps, so a lane whose
/// thread is blocked delays no task. Lanes take claimed tasks one at a time, when they are free to begin one.
///
/// A task stays on the lane that began it. So of the lanes with capacity, the one with the fewest tasks that
/// compute begins the next.
pub(in crate::worker) struct Intake {
    consumer: Arc<dyn Consumer>,
    clock: Arc<dyn Clock>,
    lanes: Vec<Arc<LaneState>>,
    /// The same that the lanes have.
    early_stops: Arc<EarlyStops>,
    state: Mutex<IntakeState>,
    log: ErrorLog,
    /// Until when lanes are expected that have not asked yet.
    starts_until: Tick,
}

/// The answer to a lane that asks for a task.
pub(in crate::worker) enum Taken {
    Task {
        task: Claimed,
        /// Whether others have been claimed and not begun.
        more: bool,
    },
    Nothing,
    /// No lane has capacity for these. The lane releases them.
    Surplus(Vec<Claim>),
    /// The worker begins no more tasks. The lane releases these.
    Closed(Vec<Claim>),
}

/// How long the lanes of a new worker may take to build their handlers, which mostly takes some milliseconds. Until then
/// a lane that was faster begins one task that computes, and leaves the others to them.
const STARTUP: Duration = Duration::from_secs(1);

/// The wait after a claim that failed, before it is made again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

impl Intake {
    pub(in crate::worker) fn new(
        consumer: Arc<dyn Consumer>,
        clock: Arc<dyn Clock>,
        lanes: Vec<Arc<LaneState>>,
        early_stops: Arc<EarlyStops>,
    ) -> Arc<Self> {
        let state = IntakeState::new(lanes.len());
        let log = ErrorLog::default();
        let starts_until = clock.now() + STARTUP;
        Arc::new(Self { consumer, clock, lanes, early_stops, state: Mutex::new(state), log, starts_until })
    }

    /// The next task for a lane. If there is none and the lane sleeps, the context is woken when there may be
    /// one, and when the worker begins no more.
    pub(in crate::worker) fn take(self: &Arc<Self>, lane: usize, offer: Offer, cx: &Context<'_>) -> Taken {
        let mut state = self.lock();
        state.note(lane, offer);
        if offer.capacity > 0 {
            if offer.claims && state.unbegun.is_empty() && state.claim.is_due() {
                state = self.poll_claim(state);
            }
            if !state.closed
                && (offer.sleeps || self.comes_first(lane, &state))
                && let Some(task) = state.unbegun.pop_front()
            {
                state.lanes[lane].computing += 1;
                // The others hear of the next tasks, however long this lane is at this one.
                if state.unbegun.is_empty() && state.has_idle() && state.claim.is_due() {
                    state = self.poll_claim(state);
                }
                let more = !state.unbegun.is_empty();
                self.pass_on(state);
                return Taken::Task { task, more };
            }
        }
        if state.closed {
            return Taken::Closed(state.take_unbegun());
        }
        if offer.capacity == 0 && self.capacity(&state).is_none() {
            // Other instances get what this worker can't run now, and the wake-ups too.
            let (claim, surplus) = (state.claim.end(), state.take_unbegun());
            if claim.is_some() || !surplus.is_empty() {
                drop(state);
                drop(claim);
                return Taken::Surplus(surplus);
            }
        }
        // Before it sleeps itself, since this is for another.
        let next = state.next_lane();
        if offer.sleeps {
            state.park(lane, cx);
        }
        drop(state);
        next.into_iter().for_each(Waker::wake);
        Taken::Nothing
    }

    /// Stops a task: now if a lane has begun it, otherwise when one does.
    pub(in crate::worker) fn stop(&self, claim: &Claim, why: Stop) {
        // First: a lane that begins it meanwhile finds the note.
        self.early_stops.note(*claim, why, self.clock.now());
        if self.lanes.iter().any(|lane| lane.stop(claim, why)) {
            self.early_stops.take(claim);
        }
    }

    /// What the run of a claim does, if this worker has it.
    pub(in crate::worker) fn inspect(&self, claim: &Claim) -> Option<RunState> {
        if self.lock().unbegun.iter().any(|claimed| claimed.claim == *claim) {
            return Some(RunState::new(claim, RunActivity::Claimed));
        }
        let now = self.clock.now();
        self.lanes.iter().find_map(|lane| lane.inspect(claim, now))
    }

    /// Forgets stops that came too late for their tasks.
    pub(in crate::worker) fn prune_stops(&self) {
        let tasks_wait = !self.lock().unbegun.is_empty();
        self.early_stops.prune(self.clock.now(), tasks_wait);
    }

    /// Ends the claim, and lets all lanes know.
    pub(in crate::worker) fn close(&self) {
        let (claim, wakers) = self.lock().close();
        drop(claim); // one that is dropped loses nothing
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Gives up what is claimed if all lanes that have capacity have been silent for so long. The caller releases the
    /// tasks.
    pub(in crate::worker) fn release(&self, silence: Duration) -> Vec<Claim> {
        let now = self.clock.now();
        let mut state = self.lock();
        let mut lanes = state.lanes.iter().zip(&self.lanes);
        if lanes.any(|(status, lane)| status.capacity > 0 && lane.silent_for(now) <= silence) {
            return Vec::new();
        }
        let (claim, left) = (state.claim.end(), state.take_unbegun());
        drop(state);
        drop(claim);
        left
    }

    /// Takes what no lane has begun.
    pub(in crate::worker) fn take_unbegun(&self) -> Vec<Claim> {
        self.lock().take_unbegun()
    }

    fn lock(&self) -> MutexGuard<'_, IntakeState> {
        lock(&self.state)
    }

    /// Polls the claim, which is made if need be, without the lock.
    fn poll_claim<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, IntakeState>,
    ) -> MutexGuard<'a, IntakeState> {
        let polled = std::mem::replace(&mut state.claim, WorkerClaim::Polled { woken: false });
        let mut claim = match polled {
            WorkerClaim::Waiting { claim, .. } => claim,
            _ => self.claim(&state, None),
        };
        let waker = Waker::from(Arc::clone(self));
        loop {
            drop(state);
            let answer = claim.as_mut().poll(&mut Context::from_waker(&waker));
            state = self.lock();
            match answer {
                Poll::Ready(Ok(claimed)) => {
                    state.claim = WorkerClaim::None;
                    state.unbegun.extend(claimed);
                    return state;
                }
                Poll::Ready(Err(TransportError::Detached)) => {
                    state.claim = WorkerClaim::None;
                    drop(state);
                    self.close();
                    return self.lock();
                }
                Poll::Ready(Err(error)) => {
                    if let Some(left_out) = self.log.admit(&error.to_string()) {
                        tracing::warn!(%error, left_out, "a claim failed and is made again");
                    }
                    claim = self.claim(&state, Some(self.clock.now() + RETRY_PAUSE));
                }
                Poll::Pending if state.closed => {
                    state.claim = WorkerClaim::None;
                    drop(state);
                    drop(claim);
                    return self.lock();
                }
                Poll::Pending => {
                    let polled = std::mem::replace(&mut state.claim, WorkerClaim::Polled { woken: false });
                    if !matches!(polled, WorkerClaim::Polled { woken: true }) {
                        state.claim = WorkerClaim::Waiting { claim, woken: false };
                        return state;
                    }
                }
            }
        }
    }

    /// A claim of as many tasks as there is capacity for, from then on.
    fn claim(&self, state: &IntakeState, from: Option<Tick>) -> PendingClaim {
        let capacity = self.capacity(state).unwrap_or(NonZeroUsize::MIN);
        let consumer = Arc::clone(&self.consumer);
        let pause = from.map(|from| self.clock.sleep_until(from));
        Box::pin(async move {
            if let Some(pause) = pause {
                pause.await;
            }
            consumer.claim(capacity).await
        })
    }

    /// How many tasks the lanes can run that are not blocked.
    fn capacity(&self, state: &IntakeState) -> Option<NonZeroUsize> {
        if let [lane] = &*state.lanes {
            return NonZeroUsize::new(lane.capacity); // it asks, so it is not blocked
        }
        let now = self.clock.now();
        let all = state.lanes.iter().zip(&self.lanes);
        let able = all.filter(|(status, lane)| !status.is_blocked(lane, now));
        NonZeroUsize::new(able.fold(0, |sum, (status, _)| sum.saturating_add(status.capacity)))
    }

    /// Whether no other lane is expected to begin a task before it.
    fn comes_first(&self, lane: usize, state: &IntakeState) -> bool {
        let mine = state.lanes[lane].computing;
        if mine == 0 {
            return true;
        }
        let now = self.clock.now();
        let others = state.lanes.iter().zip(&self.lanes);
        !others.into_iter().any(|(status, other)| match status.started {
            true => status.comes_before(mine, other, now),
            false => now < self.starts_until,
        })
    }

    /// Wakes a lane for what a lane leaves.
    fn pass_on(&self, mut state: MutexGuard<'_, IntakeState>) {
        let next = state.next_lane();
        drop(state);
        next.into_iter().for_each(Waker::wake);
    }
}

/// The claim has tasks.
impl Wake for Intake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        match &mut state.claim {
            WorkerClaim::Waiting { woken, .. } => {
                // Later wake-ups are about the same poll.
                if !std::mem::replace(woken, true) {
                    self.pass_on(state);
                }
            }
            WorkerClaim::Polled { woken } => *woken = true,
            WorkerClaim::None => {}
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
