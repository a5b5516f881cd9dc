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

/// The moment at which a queue next has something to settle.
pub(crate) struct Alarm {
    at: Tick,
    /// Registered with the clock; dropping it disarms the alarm.
    _sleep: BoxFuture<'static, ()>,
}

/// What the clock wakes when an alarm goes off.
struct Bell(Weak<Queue>);

impl ArcWake for Bell {
    fn wake_by_ref(bell: &Arc<Self>) {
        if let Some(queue) = bell.0.upgrade()
            && let Some(hub) = queue.hub.upgrade()
        {
            queue.settle(&hub);
        }
    }
}

impl Queue {
    /// Does all that has become due.
    pub(crate) fn settle(self: &Arc<Self>, hub: &Hub) {
        let mut effects = Effects::new(hub);
        let mut state = self.lock();
        state.alarm = None;
        state.take_over(hub, &mut effects);
        state.announce_quarantine(&mut effects);
        state.wake_delayed(&mut effects);
        state.expire(&mut effects);
        self.arm(&mut state, hub);
    }

    /// Sees to it that the alarm goes off in time for all that is going to be due.
    pub(crate) fn arm(self: &Arc<Self>, state: &mut QueueState, hub: &Hub) {
        let clock = &hub.config.clock;
        let Some(at) = state.next_due() else { return };
        if state.alarm.as_ref().is_some_and(|alarm| alarm.at <= at) {
            return;
        }
        let mut sleep = clock.sleep_until(at);
        let bell = Arc::new(Bell(Arc::downgrade(self)));
        let waker = waker_ref(&bell);
        // A sleep that is over already would not wake anybody: let it be due a moment later.
        while sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            sleep = clock.sleep_until(clock.now() + Duration::from_millis(1));
        }
        state.alarm = Some(Alarm { at, _sleep: sleep });
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

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").field("at", &self.at).finish_non_exhaustive()
    }
}
