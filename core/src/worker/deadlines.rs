use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Stop, StopToken};
use crate::{CancelReason, Clock, TaskId, Tick};

/// Stops a lane's tasks at their deadlines, with one wait of the clock for all of them.
pub(super) struct Deadlines {
    clock: Arc<dyn Clock>,
    waiting: BTreeMap<(Tick, TaskId), StopToken>,
    timer: Option<(Tick, BoxFuture<'static, ()>)>,
}

impl Deadlines {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, waiting: BTreeMap::new(), timer: None }
    }

    pub(super) fn insert(&mut self, at: Tick, task: TaskId, stop: StopToken) {
        self.waiting.insert((at, task), stop);
    }

    pub(super) fn remove(&mut self, at: Tick, task: TaskId) {
        self.waiting.remove(&(at, task));
    }

    /// Fires what is due, and wakes the context when the next is.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        while let Some(((first, _), _)) = self.waiting.first_key_value() {
            let at = *first;
            // A timer that was set for a task that has ended fires early, and is set again.
            if self.timer.as_ref().is_none_or(|(set, _)| *set > at) {
                self.timer = Some((at, self.clock.sleep_until(at)));
            }
            let Some((_, timer)) = &mut self.timer else { return };
            match timer.poll_unpin(cx) {
                Poll::Pending => return,
                Poll::Ready(()) => self.timer = None,
            }
            let now = self.clock.now();
            while let Some(entry) = self.waiting.first_entry()
                && entry.key().0 <= now
            {
                entry.remove().stop(Stop::Cancelled(CancelReason::Expired));
            }
        }
    }
}
