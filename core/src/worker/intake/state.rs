use std::collections::VecDeque;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::future::BoxFuture;

use super::offer::Offer;
use crate::worker::lane_state::LaneState;
use crate::{Claim, Claimed, Tick, TransportError};

/// What an intake has under its lock.
pub(super) struct IntakeState {
    /// Bounded by the rooms of the lanes when the claim was made.
    pub(super) unbegun: VecDeque<Claimed>,
    pub(super) claim: WorkerClaim,
    pub(super) lanes: Vec<LaneStatus>,
    /// The lanes that sleep and have capacity. The last to fall asleep is woken first: its caches are warm.
    idle: Vec<usize>,
    pub(super) closed: bool,
}

/// A lane as it was when it last asked for a task.
#[derive(Default)]
pub(super) struct LaneStatus {
    /// Whether it has asked once: its handler is built first.
    pub(super) started: bool,
    pub(super) capacity: usize,
    pub(super) computing: usize,
    /// Wakes it, if it sleeps.
    waker: Option<Waker>,
    /// Whether it was woken, and has not asked since.
    woken: bool,
}

/// The worker's one claim at the transport.
pub(super) enum WorkerClaim {
    None,
    /// It waits for tasks, or was woken and not polled since.
    Waiting {
        claim: PendingClaim,
        woken: bool,
    },
    /// A lane polls it; it may be woken meanwhile.
    Polled {
        woken: bool,
    },
}

pub(super) type PendingClaim = BoxFuture<'static, Result<Vec<Claimed>, TransportError>>;

/// For so long at one task a lane counts as one that computes one task more: it falls behind, but the system may have
/// suspended its thread for a moment only. Far above a script's slice of 1 ms.
pub(super) const SILENCE_PER_TASK: Duration = Duration::from_millis(10);

/// A lane that has been at one task for so long is not expected to begin another soon.
pub(super) const BLOCKED: Duration = Duration::from_millis(100);

impl IntakeState {
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            unbegun: VecDeque::new(),
            claim: WorkerClaim::None,
            lanes: (0..lanes).map(|_| LaneStatus::default()).collect(),
            idle: Vec::with_capacity(lanes),
            closed: false,
        }
    }

    /// Notes what a lane says of itself, and that it does not sleep.
    pub(super) fn note(&mut self, lane: usize, offer: Offer) {
        if self.lanes[lane].waker.take().is_some() {
            self.idle.retain(|idle| *idle != lane);
        }
        let status = &mut self.lanes[lane];
        (status.capacity, status.computing) = (offer.capacity, offer.computing);
        (status.started, status.woken) = (true, false);
    }

    /// Notes that a lane sleeps. One without capacity is woken by its handler, and when the intake closes.
    pub(super) fn park(&mut self, lane: usize, cx: &Context<'_>) {
        let status = &mut self.lanes[lane];
        status.waker = Some(cx.waker().clone());
        if status.capacity > 0 {
            self.idle.push(lane);
        }
    }

    /// Whether a lane sleeps that could begin a task.
    pub(super) fn has_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// The lane to wake, if there is something to do: it takes that, and wakes the next for what is left.
    pub(super) fn next_lane(&mut self) -> Option<Waker> {
        if self.unbegun.is_empty() && !matches!(self.claim, WorkerClaim::Waiting { woken: true, .. }) {
            return None;
        }
        let lane = &mut self.lanes[self.idle.pop()?];
        lane.woken = true;
        lane.waker.take()
    }

    pub(super) fn take_unbegun(&mut self) -> Vec<Claim> {
        self.unbegun.drain(..).map(|claimed| claimed.claim).collect()
    }

    /// Begins no more tasks: the claim that is to be dropped, and the lanes to wake.
    pub(super) fn close(&mut self) -> (Option<PendingClaim>, Vec<Waker>) {
        self.closed = true;
        self.idle.clear();
        (self.claim.end(), self.lanes.iter_mut().filter_map(|lane| lane.waker.take()).collect())
    }
}

impl LaneStatus {
    /// How long the lane has been at one task. One that sleeps, or was woken, is at none.
    fn silent_for(&self, lane: &LaneState, now: Tick) -> Duration {
        match self.waker.is_none() && !self.woken {
            true => lane.silent_for(now),
            false => Duration::ZERO,
        }
    }

    pub(super) fn is_blocked(&self, lane: &LaneState, now: Tick) -> bool {
        self.silent_for(lane, now) > BLOCKED
    }

    /// Whether the lane is expected to begin a task before one with so many tasks that compute.
    pub(super) fn comes_before(&self, computing: usize, lane: &LaneState, now: Tick) -> bool {
        if self.capacity == 0 || self.computing >= computing {
            return false;
        }
        let silent = self.silent_for(lane, now);
        let behind = silent.as_millis() / SILENCE_PER_TASK.as_millis();
        silent <= BLOCKED && self.computing as u128 + behind < computing as u128
    }
}

impl WorkerClaim {
    /// Whether it is to be made or polled.
    pub(super) fn is_due(&self) -> bool {
        matches!(self, Self::None | Self::Waiting { woken: true, .. })
    }

    /// Takes out what is to be dropped without the lock. A claim that a lane polls is that lane's to drop.
    pub(super) fn end(&mut self) -> Option<PendingClaim> {
        match std::mem::replace(self, Self::None) {
            Self::Waiting { claim, .. } => Some(claim),
            polled @ Self::Polled { .. } => {
                *self = polled;
                None
            }
            Self::None => None,
        }
    }
}
