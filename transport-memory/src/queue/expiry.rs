use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{CancelReason, Outcome, Tick};

use super::changes::Changes;
use super::queue_state::QueueState;
use crate::record::Record;

/// Going through a queue for expired tasks takes time in proportion to its length, so it is not
/// done more often than this.
const EXPIRY_STEP: Duration = Duration::from_millis(10);

impl QueueState {
    /// When something in the queue is next due.
    pub(crate) fn next_due(&self) -> Option<Tick> {
        let leases = self.instances.values().map(|instance| instance.lock().alive_until).min();
        let due = self.later.first_key_value().map(|((due, _), _)| *due);
        due.into_iter()
            .chain(self.expires)
            .chain(self.quarantine.next_due())
            .chain(self.claimers.kept_until())
            .chain(leases)
            .min()
    }

    /// Lets waiting claims look again when the next group of the quarantine may start.
    pub(crate) fn announce_quarantine(&mut self, changes: &mut Changes<'_>) {
        if self.quarantine.announce(changes.tick(), changes.config.transport.lease) {
            for instance in self.instances.values() {
                changes.wakes.extend(instance.lock().held_up.drain(..));
            }
            self.wake_all(changes);
        }
    }

    /// Makes delayed tasks ready whose time has come.
    pub(crate) fn wake_delayed(&mut self, changes: &mut Changes<'_>) {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > changes.tick() {
                return;
            }
            let record = entry.remove();
            self.waiting -= 1; // it is counted again where it goes
            self.enqueue(record, changes);
        }
    }

    /// Ends the waiting tasks whose time is over.
    pub(crate) fn expire(&mut self, changes: &mut Changes<'_>) {
        if self.expires.is_none_or(|at| at > changes.tick()) {
            return;
        }
        let mut next: Option<Tick> = None;
        let mut over = Vec::new();
        for record in self.ready.iter().chain(self.later.values()).chain(self.quarantine.iter()) {
            match record.latest_start {
                Some(at) if at <= changes.tick() => over.push(Arc::clone(record)),
                Some(at) => next = Some(next.map_or(at, |other| other.min(at))),
                None => {}
            }
        }
        for record in over {
            self.cancel_waiting(&record, CancelReason::Expired, changes);
        }
        self.expires = next.map(|at| at.max(changes.tick() + EXPIRY_STEP));
    }

    /// Cancels a task if it still waits. Whether it did.
    pub(crate) fn cancel_waiting(
        &mut self,
        record: &Arc<Record>,
        reason: CancelReason,
        changes: &mut Changes<'_>,
    ) -> bool {
        let mut state = record.lock();
        if !state.is_pending() {
            return false;
        }
        let due = state.due;
        changes.end_without_run(record, &mut state, Outcome::Cancelled(reason));
        drop(state);
        self.removed(record, due);
        true
    }
}
