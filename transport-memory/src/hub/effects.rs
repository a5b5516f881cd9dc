use std::ops::{Deref, DerefMut};

use rhai_dispatcher_core::{CancelReason, Cancelled, TaskId};

use super::hub::Hub;
use crate::queue::Changes;

/// The [`Changes`] of one step. What follows from them is done when this is dropped.
///
/// Declare it before the guard of a queue's lock, so that it is dropped after it.
pub(crate) struct Effects<'a> {
    hub: &'a Hub,
    changes: Changes<'a>,
}

impl<'a> Effects<'a> {
    pub(crate) fn new(hub: &'a Hub) -> Self {
        Self { hub, changes: Changes::new(&hub.config) }
    }
}

impl Hub {
    /// Cancels a task, and all that is below it. No lock may be held.
    pub(crate) fn cancel(&self, id: TaskId, why: CancelReason) -> Cancelled {
        self.cancel_one(id, why, &mut Effects::new(self))
    }
}

impl<'a> Deref for Effects<'a> {
    type Target = Changes<'a>;

    fn deref(&self) -> &Self::Target {
        &self.changes
    }
}

impl DerefMut for Effects<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.changes
    }
}

impl Drop for Effects<'_> {
    fn drop(&mut self) {
        // A cancel adds the children of its task to those that are to be cancelled.
        while let Some(child) = self.changes.orphans.pop_front() {
            self.hub.cancel_one(child, CancelReason::Parent, &mut self.changes);
        }
        for record in std::mem::take(&mut self.changes.ended_without_run) {
            let (now, tick) = (self.changes.now, self.changes.tick());
            let entry = std::iter::once(record.activity_entry());
            let log = self.hub.activity_of(&record.task.worker_id);
            log.append(entry, (now, tick), &self.hub.config.transport, &mut self.changes.wakes);
        }
        for record in std::mem::take(&mut self.changes.ended) {
            let tick = self.changes.tick();
            self.hub.records.finished(&record, tick, &mut self.changes.dropped);
        }
        self.hub.forget(std::mem::take(&mut self.changes.dropped));
        // The wake-ups follow, as fields are dropped after this.
    }
}
