use std::sync::{Arc, Weak};

use rhai_dispatcher_core::{EventBuffer, EventLimits, EventQueue, RunEvent, RunId};

use crate::wakes::Wakes;

/// What the runs of a task have told, for later subscribers, and its subscribers.
pub(crate) struct RecordEvents {
    history: EventBuffer,
    /// Those that have gone are removed with the next event, and the next subscription.
    subscribers: Vec<Weak<EventQueue>>,
}

impl RecordEvents {
    pub(super) const fn new(limits: EventLimits) -> Self {
        Self { history: EventBuffer::new(limits), subscribers: Vec::new() }
    }

    pub(super) fn push(&mut self, run: RunId, event: RunEvent, wakes: &mut Wakes) {
        self.subscribers.retain(|subscriber| {
            let Some(subscriber) = subscriber.upgrade() else { return false };
            wakes.extend(subscriber.push(run, event.clone()));
            true
        });
        self.history.push(run, event);
    }

    /// Adds a subscriber, which gets what was told before.
    pub(super) fn subscribe(&mut self, subscriber: &Arc<EventQueue>, wakes: &mut Wakes) {
        for (run, event) in self.history.iter() {
            wakes.extend(subscriber.push(*run, event.clone()));
        }
        self.subscribers.retain(|subscriber| subscriber.strong_count() > 0);
        self.subscribers.push(Arc::downgrade(subscriber));
    }
}
