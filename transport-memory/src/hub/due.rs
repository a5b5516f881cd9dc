use std::sync::{Arc, Weak};

use futures::task::{ArcWake, waker_ref};

use super::effects::Effects;
use super::hub::Hub;
use crate::queue::{DueTimer, Queue, QueueState};

impl Hub {
    /// Does all that has become due in a queue.
    pub(crate) fn process_due(self: &Arc<Self>, queue: &Arc<Queue>) {
        let mut effects = Effects::new(self);
        let mut state = queue.lock();
        state.due_timer = None;
        state.take_over(&mut effects);
        state.announce_quarantine(&mut effects);
        state.wake_delayed(&mut effects);
        state.expire(&mut effects);
        state.end_keeping(&mut effects);
        self.arm(queue, &mut state);
    }

    /// Sets the timer for what is next due in a queue, if that is earlier than before.
    pub(crate) fn arm(self: &Arc<Self>, queue: &Arc<Queue>, state: &mut QueueState) {
        let Some(at) = state.next_due() else { return };
        if state.due_timer.as_ref().is_some_and(|timer| timer.at <= at) {
            return;
        }
        let due = Arc::new(DueWaker { hub: Arc::downgrade(self), queue: Arc::downgrade(queue) });
        state.due_timer = Some(DueTimer::new(&self.config.clock, at, &waker_ref(&due)));
    }
}

/// The waker that the clock wakes when something is due, perhaps when no handle holds the hub any more.
struct DueWaker {
    hub: Weak<Hub>,
    queue: Weak<Queue>,
}

impl ArcWake for DueWaker {
    fn wake_by_ref(waker: &Arc<Self>) {
        if let (Some(hub), Some(queue)) = (waker.hub.upgrade(), waker.queue.upgrade()) {
            hub.process_due(&queue);
        }
    }
}
