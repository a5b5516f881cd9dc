use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use rhai_dispatcher_core::{Claim, InstanceId, Signal, TaskId, Tick};

use crate::id_hasher::IdHasher;
use crate::record::Record;
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
    pub(crate) detached: bool,
    pub(crate) claims: HashMap<TaskId, (Claim, Arc<Record>), IdHasher>,
    /// Those of its claims that are suspects, in the order of their starts.
    pub(crate) suspects: Vec<TaskId>,
    /// The one of them beside which it claims nothing, and until when: for ever, if it is its last start.
    pub(crate) probation: Option<(TaskId, Option<Tick>)>,
    /// Since when it has run suspects and nothing else.
    pub(crate) suspects_since: Option<Tick>,
    /// Claim futures that wait until this instance may claim again.
    pub(crate) held_up: Vec<Waker>,
    /// Claims that were lost and not yet reported by a renewal.
    pub(crate) lost: Vec<Claim>,
    /// At most two for each claim: a cancel, and its loss.
    signals: VecDeque<Signal>,
    signal_waker: Option<Waker>,
}

/// How much room an instance has for suspects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Room {
    /// It runs others.
    None,
    /// It runs nothing but suspects that have passed their probation.
    Trusted,
    /// It runs nothing.
    Free,
}

impl Instance {
    pub(crate) fn new(id: InstanceId, alive_until: Tick) -> Self {
        let state = InstanceState {
            alive_until,
            expired: false,
            detached: false,
            claims: HashMap::default(),
            suspects: Vec::new(),
            probation: None,
            suspects_since: None,
            held_up: Vec::new(),
            lost: Vec::new(),
            signals: VecDeque::new(),
            signal_waker: None,
        };
        Self { id, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, InstanceState> {
        // Nothing panics while it holds the lock, save for an allocation that fails.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InstanceState {
    pub(crate) fn signal(&mut self, signal: Signal, wakes: &mut Wakes) {
        self.signals.push_back(signal);
        wakes.extend(self.signal_waker.take());
    }

    /// The next signal, `None` at the end of the instance, or the waker is kept.
    pub(crate) fn next_signal(&mut self, waker: &Waker) -> std::task::Poll<Option<Signal>> {
        if let Some(signal) = self.signals.pop_front() {
            return std::task::Poll::Ready(Some(signal));
        }
        if self.detached {
            return std::task::Poll::Ready(None);
        }
        self.signal_waker = Some(waker.clone());
        std::task::Poll::Pending
    }

    /// Notes that a claim is over, and lets waiting claim futures go on if it held them up.
    pub(crate) fn release(&mut self, claim: &Claim, wakes: &mut Wakes) {
        // The same task may have been claimed again meanwhile, which this claim has no part in.
        if self.claims.get(&claim.task).is_none_or(|(held, _)| held != claim) {
            return;
        }
        self.claims.remove(&claim.task);
        self.suspects.retain(|task| *task != claim.task);
        self.probation.take_if(|(task, _)| *task == claim.task);
        if self.room() > Room::None {
            wakes.extend(self.held_up.drain(..));
        }
    }

    pub(crate) fn room(&self) -> Room {
        match self.claims.len() {
            0 => Room::Free,
            count if count == self.suspects.len() => Room::Trusted,
            _ => Room::None,
        }
    }

    /// The suspect to blame if it dies: if it runs nothing but suspects, the last to start, since the
    /// others had shown by then that they do no harm.
    pub(crate) fn culprit(&self) -> Option<TaskId> {
        self.suspects.last().copied().filter(|_| self.room() > Room::None)
    }

    /// Loses all claims; what they were.
    pub(crate) fn take_claims(&mut self) -> Vec<(Claim, Arc<Record>)> {
        self.suspects.clear();
        self.probation = None;
        self.claims.drain().map(|(_, claim)| claim).collect()
    }

    /// Keeps the waker of a claim future that has to wait for this instance.
    pub(crate) fn hold_up(&mut self, waker: &Waker) {
        if !self.held_up.iter().any(|other| other.will_wake(waker)) {
            self.held_up.push(waker.clone());
        }
    }

    /// Ends the instance for good: all that it waited for ends too.
    pub(crate) fn detach(&mut self, wakes: &mut Wakes) {
        self.detached = true;
        wakes.extend(self.held_up.drain(..));
        wakes.extend(self.signal_waker.take());
    }
}
