use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use foldhash::fast::RandomState;
use rhai_dispatcher_core::{Claim, InstanceId, Signal, SignalQueue, TaskId, Tick, lock};

use super::announced::Announced;
use crate::record::{Death, Record};
use crate::wakes::Wakes;

/// What one instance holds.
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    state: Mutex<InstanceState>,
}

pub(crate) struct InstanceState {
    /// When its lease runs out.
    pub(crate) alive_until: Tick,
    /// Whether its lease has run out and was not renewed since.
    pub(crate) expired: bool,
    /// Whether its crash was reported, and no renewal has come since.
    pub(crate) reported: bool,
    pub(crate) detached: bool,
    pub(crate) claims: HashMap<TaskId, (Claim, Arc<Record>), RandomState>,
    /// Whether the queue is to be told when this instance holds nothing: the quarantine may wait for that.
    pub(crate) tells_when_free: bool,
    /// Claim futures that wait until this instance may claim again.
    pub(crate) held_up: Vec<Waker>,
    /// Claims that were lost and not yet reported by a renewal.
    pub(crate) lost: Vec<Lost>,
    pub(crate) signals: SignalQueue,
    /// What it has said of itself.
    pub(crate) announced: Announced,
}

/// A claim that was lost.
pub(crate) struct Lost {
    pub(crate) claim: Claim,
    pub(crate) record: Arc<Record>,
    /// What its task counted for that, to be taken back if the instance lives after all. None if its crash was
    /// reported: it has died, and what its tasks have counted stays.
    pub(crate) counted: Option<Death>,
}

impl Instance {
    pub(crate) fn new(id: InstanceId, alive_until: Tick) -> Self {
        let state = InstanceState {
            alive_until,
            expired: false,
            reported: false,
            detached: false,
            claims: HashMap::default(),
            tells_when_free: false,
            held_up: Vec::new(),
            lost: Vec::new(),
            signals: SignalQueue::default(),
            announced: Announced::default(),
        };
        Self { id, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, InstanceState> {
        lock(&self.state)
    }
}

impl InstanceState {
    pub(crate) fn signal(&mut self, signal: Signal, wakes: &mut Wakes) {
        wakes.extend(self.signals.push(signal));
    }

    /// Notes that a claim is over.
    pub(crate) fn release(&mut self, claim: &Claim) {
        // The same task may have been claimed again meanwhile, which this claim has no part in.
        if self.claims.get(&claim.task).is_none_or(|(held, _)| held != claim) {
            return;
        }
        self.claims.remove(&claim.task);
    }

    /// Whether it holds nothing, and the queue is to be told; once.
    pub(crate) fn has_become_free(&mut self) -> bool {
        self.claims.is_empty() && std::mem::take(&mut self.tells_when_free)
    }

    /// Loses all claims; what they were, in the order of submission.
    pub(crate) fn take_claims(&mut self) -> Vec<(Claim, Arc<Record>)> {
        let mut claims: Vec<_> = self.claims.drain().map(|(_, claim)| claim).collect();
        claims.sort_by_key(|(_, record)| record.number);
        claims
    }

    /// Keeps the waker of a claim future that has to wait for this instance.
    pub(crate) fn hold_up(&mut self, waker: &Waker) {
        if !self.held_up.iter().any(|other| other.will_wake(waker)) {
            self.held_up.push(waker.clone());
        }
    }

    /// Ends the instance: all that it waited for ends too.
    pub(crate) fn detach(&mut self, wakes: &mut Wakes) {
        self.detached = true;
        wakes.extend(self.held_up.drain(..));
        wakes.extend(self.signals.end());
    }
}
