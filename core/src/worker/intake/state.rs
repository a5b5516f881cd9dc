use std::collections::VecDeque;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::future::BoxFuture;

use super::Offer;
use crate::worker::lane_state::LaneState;
use crate::{Claim, Claimed, Tick, TransportError};

/// What an intake has under its lock.
pub(super) struct State {
    /// Bounded by the rooms of the lanes when the claim was made.
    pub(super) unbegun: VecDeque<Claimed>,
    pub(super) claim: WorkerClaim,
    pub(super) lanes: Vec<LaneStatus>,
    /// The lanes that sleep and have room. The last to fall asleep is woken first: its caches are warm.
    idle: Vec<usize>,
    pub(super) closed: bool,
}

/// A lane as it was when it last asked for a task.
#[derive(Default)]
pub(super) struct LaneStatus {
    pub(super) room: usize,
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

/// A lane that has been at one task for so long is not expected to begin another soon. Far above a script's slice
/// of 1 ms, so that a thread that the system has suspended for a moment is still expected.
pub(super) const BLOCKED: Duration = Duration::from_millis(10);

impl State {
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
        (status.room, status.computing, status.woken) = (offer.room, offer.computing, false);
    }

    /// Notes that a lane sleeps. One without room is woken by its handler, and when the intake closes.
    pub(super) fn park(&mut self, lane: usize, cx: &Context<'_>) {
        let status = &mut self.lanes[lane];
        status.waker = Some(cx.waker().clone());
        if status.room > 0 {
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
    /// Whether the lane has been at one task for long. One that sleeps, or was woken, is at none.
    pub(super) fn is_blocked(&self, lane: &LaneState, now: Tick) -> bool {
        self.waker.is_none() && !self.woken && lane.silent_for(now) > BLOCKED
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
