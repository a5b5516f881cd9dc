use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::task::Waker;

use futures::channel::oneshot;
use rhai_dispatcher_core::{Claim, Claimed, Signal, SignalQueue, TaskId, TransportError, WallTime};
use tokio::time::Instant;

/// The claims of one instance, and the claim calls that wait for more.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// Claim calls that wait, in the order in which they came.
    pub(crate) waiting: VecDeque<ClaimCall>,
    pub(crate) held: HashMap<TaskId, HeldClaim>,
    /// Claims whose end is on its way. They are kept apart because a released task may come again, as the same claim,
    /// before the answer.
    finishing: HashMap<TaskId, HeldClaim>,
    /// Until when it claims nothing beside the quarantined task that it holds.
    alone_until: Option<Instant>,
    /// Until when the lease lasts at least: counted from when the renewal was sent.
    pub(crate) leased_until: Option<Instant>,
    /// Whether the lease has run out and was not renewed since.
    pub(crate) expired: bool,
    pub(crate) detached: bool,
    /// Whether all that comes with a detach has been done.
    pub(crate) ended: bool,
    /// Claims that went to a call that had been dropped.
    pub(crate) returned: Vec<Claimed>,
    /// Claims that were lost and not yet reported by a renewal.
    pub(crate) lost: Vec<Claim>,
    /// Which claims' cancels were passed on already.
    pub(crate) cancelled: HashSet<TaskId>,
    /// The cursor at which the next renewal continues to repeat cancels.
    pub(crate) cancels_from: u64,
    /// How many claims it has released.
    pub(crate) releases: u64,
    pub(crate) signals: SignalQueue,
}

/// A claim, with what its end needs.
#[derive(Debug, Clone)]
pub(crate) struct HeldClaim {
    pub(crate) claim: Claim,
    pub(crate) attempt: u32,
    pub(crate) deaths: u32,
    pub(crate) started_at: WallTime,
    /// Of the task's script and args.
    pub(crate) bytes: u32,
}

#[derive(Debug)]
pub(crate) struct ClaimCall {
    pub(crate) max: NonZeroUsize,
    pub(crate) answer: oneshot::Sender<Result<Vec<Claimed>, TransportError>>,
}

/// How many tasks an instance asks for at most: the server keeps its credit in four bytes.
const MOST_WANTED: usize = u32::MAX as usize;

impl Claims {
    /// How many tasks are wanted now, up to [`MOST_WANTED`]; forgets calls that were dropped.
    pub(crate) fn wanted(&mut self) -> usize {
        self.waiting.retain(|call| !call.answer.is_canceled());
        self.waiting.iter().fold(0, |sum, call| sum.saturating_add(call.max.get()).min(MOST_WANTED))
    }

    /// Distributes claims to the calls that wait, in even parts, which are to be sent. Claims that no call takes are kept in
    /// `returned`.
    #[must_use = "the calls wait until their parts are sent"]
    pub(super) fn distribute(&mut self, mut claimed: Vec<Claimed>) -> Vec<(ClaimCall, Vec<Claimed>)> {
        let mut parts = Vec::new();
        while !claimed.is_empty() {
            self.waiting.retain(|call| !call.answer.is_canceled());
            let calls = self.waiting.len();
            let Some(call) = self.waiting.pop_front() else { break };
            let share = claimed.len().div_ceil(calls).min(call.max.get());
            let rest = claimed.split_off(share);
            parts.push((call, claimed));
            claimed = rest;
        }
        self.returned.extend(claimed);
        parts
    }

    /// Takes a claim in.
    pub(crate) fn hold(&mut self, held: HeldClaim) {
        self.held.insert(held.claim.task, held);
    }

    /// Claims nothing until then, or until nothing is held.
    pub(crate) fn stay_alone(&mut self, until: Instant) {
        self.alone_until = Some(until);
    }

    /// Until when it claims nothing, if that time is not over.
    pub(crate) fn alone_until(&mut self) -> Option<Instant> {
        self.alone_until = self.alone_until.filter(|until| *until > Instant::now());
        self.alone_until
    }

    /// Forgets all claims.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
        self.finishing.clear();
    }

    /// Whether it holds no claim.
    pub(crate) fn is_free(&self) -> bool {
        self.held.is_empty() && self.finishing.is_empty()
    }

    /// The tasks of all its claims.
    pub(crate) fn known(&self) -> HashSet<TaskId> {
        self.held.keys().chain(self.finishing.keys()).copied().collect()
    }

    /// Begins to end a claim; what is known of it, if it is held.
    pub(crate) fn finish(&mut self, claim: &Claim) -> Option<HeldClaim> {
        if self.held.get(&claim.task)?.claim != *claim {
            return None;
        }
        let held = self.held.remove(&claim.task)?;
        self.finishing.insert(claim.task, held.clone());
        Some(held)
    }

    /// Forgets a claim that has ended. Whether that changes what may be claimed.
    pub(crate) fn finished(&mut self, claim: &Claim) -> bool {
        if self.finishing.get(&claim.task).is_none_or(|held| held.claim != *claim) {
            return false;
        }
        self.finishing.remove(&claim.task);
        if !self.held.contains_key(&claim.task) {
            self.cancelled.remove(&claim.task);
        }
        self.is_free() && self.alone_until.take().is_some()
    }

    /// Takes a claim back whose end could not be written. Whether it has come again meanwhile.
    pub(crate) fn unfinished(&mut self, claim: &Claim) -> bool {
        let Some(held) = self.finishing.remove(&claim.task) else { return false };
        match self.held.entry(claim.task) {
            Entry::Vacant(place) => {
                place.insert(held);
                false
            }
            Entry::Occupied(place) => place.get().claim == *claim,
        }
    }

    /// What it holds now, but for what is about to end.
    pub(crate) fn held_now(&self) -> Vec<Claim> {
        self.held.values().map(|held| held.claim).collect()
    }

    /// Notes that those claims are lost, as far as it still holds them. Returns the waker of a reader of signals.
    #[must_use = "the reader waits until this waker is woken"]
    pub(crate) fn lose(&mut self, lost: &[Claim]) -> Option<Waker> {
        let mut reader = None;
        self.alone_until = None;
        for claim in lost {
            if self.held.get(&claim.task).is_none_or(|held| held.claim != *claim) {
                continue;
            }
            self.held.remove(&claim.task);
            self.cancelled.remove(&claim.task);
            self.lost.push(*claim);
            let woken = self.signals.push(Signal::Lost(*claim));
            reader = reader.or(woken);
        }
        self.returned.retain(|claimed| !lost.contains(&claimed.claim));
        reader
    }

    /// Passes a signal on; a cancel only once. Returns the waker of a reader of signals.
    #[must_use = "the reader waits until this waker is woken"]
    pub(crate) fn signal(&mut self, signal: Signal) -> Option<Waker> {
        if let Signal::Cancel(claim, _) = signal
            && (self.held.get(&claim.task).is_none_or(|held| held.claim != claim)
                || !self.cancelled.insert(claim.task))
        {
            return None;
        }
        self.signals.push(signal)
    }

    /// Ends the instance here. Returns the calls that wait, to be answered, and the waker of a reader of signals.
    #[must_use = "the calls wait until they are answered, and the reader until its waker is woken"]
    pub(crate) fn detach(&mut self) -> (VecDeque<ClaimCall>, Option<Waker>) {
        (self.detached, self.ended) = (true, true);
        (std::mem::take(&mut self.waiting), self.signals.end())
    }
}
