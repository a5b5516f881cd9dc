use std::fmt;
use std::sync::{Arc, Weak};
use std::task::Context;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::task::{ArcWake, waker_ref};
use rhai_dispatcher_core::{CancelReason, Outcome, TaskLog, Tick};

use crate::hub::{Effects, Hub};
use crate::queue::{Queue, QueueState};
use crate::record::Record;

/// Going through a queue for expired tasks takes time in proportion to its length, so it is not
/// done more often than this.
const EXPIRY_STEP: Duration = Duration::from_millis(10);

/// Calls [`Queue::process_due`] when something in the queue is next due.
pub(crate) struct DueTimer {
    at: Tick,
    /// Registered with the clock; dropping it ends the timer.
    _sleep: BoxFuture<'static, ()>,
}

/// The waker that the clock wakes when something is due.
struct DueWaker(Weak<Queue>);

impl ArcWake for DueWaker {
    fn wake_by_ref(waker: &Arc<Self>) {
        if let Some(queue) = waker.0.upgrade()
            && let Some(hub) = queue.hub.upgrade()
        {
            queue.process_due(&hub);
        }
    }
}

impl Queue {
    /// Does all that has become due.
    pub(crate) fn process_due(self: &Arc<Self>, hub: &Hub) {
        let mut effects = Effects::new(hub);
        let mut state = self.lock();
        state.due_timer = None;
        state.take_over(hub, &mut effects);
        state.announce_quarantine(&mut effects);
        state.wake_delayed(&mut effects);
        state.expire(&mut effects);
        self.arm(&mut state, hub);
    }

    /// Sets the timer for what is next due, if that is earlier than before.
    pub(crate) fn arm(self: &Arc<Self>, state: &mut QueueState, hub: &Hub) {
        let clock = &hub.config.clock;
        let Some(at) = state.next_due() else { return };
        if state.due_timer.as_ref().is_some_and(|timer| timer.at <= at) {
            return;
        }
        let mut sleep = clock.sleep_until(at);
        let due = Arc::new(DueWaker(Arc::downgrade(self)));
        let waker = waker_ref(&due);
        // A sleep that is over already would call no waker: let it be due a moment later.
        while sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            sleep = clock.sleep_until(clock.now() + Duration::from_millis(1));
        }
        state.due_timer = Some(DueTimer { at, _sleep: sleep });
    }
}

impl QueueState {
    fn next_due(&self) -> Option<Tick> {
        let leases = self.instances.values().map(|instance| instance.lock().alive_until).min();
        let due = self.later.first_key_value().map(|((due, _), _)| *due);
        due.into_iter().chain(self.expires).chain(self.quarantine.next_due()).chain(leases).min()
    }

    /// Lets waiting claims look again when the next group of the quarantine may start.
    fn announce_quarantine(&mut self, effects: &mut Effects<'_>) {
        if self.quarantine.announce(effects.tick(), effects.hub.config.transport.lease) {
            for instance in self.instances.values() {
                effects.wakes.extend(instance.lock().held_up.drain(..));
            }
            self.wake_all(effects);
        }
    }

    /// Makes delayed tasks ready whose time has come.
    fn wake_delayed(&mut self, effects: &mut Effects<'_>) {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > effects.tick() {
                return;
            }
            let record = entry.remove();
            self.waiting -= 1; // it is counted again where it goes
            self.enqueue(record, effects);
        }
    }

    /// Ends the waiting tasks whose time is over.
    pub(crate) fn expire(&mut self, effects: &mut Effects<'_>) {
        if self.expires.is_none_or(|at| at > effects.tick()) {
            return;
        }
        let mut next: Option<Tick> = None;
        let mut over = Vec::new();
        for record in self.ready.iter().chain(self.later.values()).chain(self.quarantine.iter()) {
            match record.latest_start {
                Some(at) if at <= effects.tick() => over.push(Arc::clone(record)),
                Some(at) => next = Some(next.map_or(at, |other| other.min(at))),
                None => {}
            }
        }
        for record in over {
            self.cancel_waiting(&record, CancelReason::Expired, effects);
        }
        self.expires = next.map(|at| at.max(effects.tick() + EXPIRY_STEP));
    }

    /// Cancels a task if it still waits. Whether it did.
    pub(crate) fn cancel_waiting(
        &mut self,
        record: &Arc<Record>,
        reason: CancelReason,
        effects: &mut Effects<'_>,
    ) -> bool {
        let mut state = record.lock();
        if !state.is_pending() {
            return false;
        }
        let due = state.due;
        effects.end(record, &mut state, Outcome::Cancelled(reason), TaskLog::new());
        drop(state);
        self.removed(record, due);
        true
    }
}

impl fmt::Debug for DueTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DueTimer").field("at", &self.at).finish_non_exhaustive()
    }
}
