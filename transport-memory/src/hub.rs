use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use rhai_dispatcher_core::{CancelReason, Outcome, TaskId, TaskLog, Tick, WallTime, WorkerId};

use crate::MemoryConfig;
use crate::progress::Progress;
use crate::queue::Queue;
use crate::record::{Record, RecordState};
use crate::records::{self, Records};
use crate::wakes::Wakes;

/// What all handles on one transport share.
pub(crate) struct Hub {
    pub(crate) config: MemoryConfig,
    pub(crate) records: Records,
    /// How many waits for outcomes are registered.
    pub(crate) waiters: AtomicUsize,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    by_id: HashMap<WorkerId, Arc<Queue>>,
    /// The one queue, where every instance serves every worker id.
    shared: Option<Arc<Queue>>,
    /// How many queues there may be before the unused ones are dropped.
    prune_at: usize,
}

impl Hub {
    pub(crate) fn new(config: MemoryConfig) -> Arc<Self> {
        let records = Records::new(&config.transport);
        Arc::new(Self { config, records, waiters: AtomicUsize::new(0), queues: Mutex::default() })
    }

    /// The time that decides what is due.
    pub(crate) fn tick(&self) -> Tick {
        self.config.clock.now()
    }

    /// The queue of `worker_id`, made if need be.
    pub(crate) fn queue(self: &Arc<Self>, worker_id: &WorkerId) -> Arc<Queue> {
        /// Below this many queues it is not worth looking for unused ones.
        const FEW: usize = 64;
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Queue::new(worker_id.clone(), Arc::downgrade(self)));
        if self.config.any_worker {
            return Arc::clone(queues.shared.get_or_insert_with(make));
        }
        if let Some(queue) = queues.by_id.get(worker_id) {
            return Arc::clone(queue);
        }
        if queues.by_id.len() >= queues.prune_at {
            // A thread that holds a queue may be about to use it, so only queues without a holder are
            // dropped. No thread can get one meanwhile.
            queues.by_id.retain(|_, queue| Arc::strong_count(queue) > 1 || queue.is_used());
            queues.prune_at = FEW.max(2 * queues.by_id.len());
        }
        let queue = make();
        queues.by_id.insert(worker_id.clone(), Arc::clone(&queue));
        queue
    }

    /// All queues, in no order.
    pub(crate) fn queues(&self) -> Vec<Arc<Queue>> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.by_id.values().chain(&queues.shared).cloned().collect()
    }
}

/// What follows from a change and is done when the queue's lock is dropped.
///
/// Declare it before the lock's guard, so that it is dropped after it.
pub(crate) struct Effects<'a> {
    pub(crate) hub: &'a Hub,
    /// The time for records.
    pub(crate) now: WallTime,
    /// The time that decides what is due, once it was asked for.
    tick: Cell<Option<Tick>>,
    pub(crate) wakes: Wakes,
    ended: Vec<Arc<Record>>,
    /// What cancelled tasks dispatched.
    orphans: Vec<TaskId>,
    /// Records that are no longer kept.
    pub(crate) dropped: Vec<Arc<Record>>,
}

impl<'a> Effects<'a> {
    pub(crate) fn new(hub: &'a Hub) -> Self {
        Self {
            hub,
            now: hub.config.clock.wall(),
            tick: Cell::new(None),
            wakes: Wakes::default(),
            ended: Vec::new(),
            orphans: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// The time that decides what is due, the same for all that is done together.
    pub(crate) fn tick(&self) -> Tick {
        self.tick.get().unwrap_or_else(|| {
            let tick = self.hub.tick();
            self.tick.set(Some(tick));
            tick
        })
    }

    /// Writes the outcome of `record`.
    pub(crate) fn end(
        &mut self,
        record: &Arc<Record>,
        state: &mut RecordState,
        outcome: Outcome,
        log: TaskLog,
    ) {
        if matches!(outcome, Outcome::Cancelled(_)) {
            self.cancel_children(&state.progress);
        }
        state.end(outcome, log, (self.now, self.tick()), &mut self.wakes);
        self.ended.push(Arc::clone(record));
    }

    /// Cancels all that a task dispatched.
    pub(crate) fn cancel_children(&mut self, parent: &Progress) {
        self.orphans.extend_from_slice(&parent.children);
    }
}

impl Drop for Effects<'_> {
    fn drop(&mut self) {
        for record in std::mem::take(&mut self.ended) {
            self.hub.records.finished(&record, self.tick());
        }
        for child in self.orphans.drain(..) {
            self.hub.cancel(child, CancelReason::Parent);
        }
        records::forget(std::mem::take(&mut self.dropped));
        // The wake-ups follow, as fields are dropped after this.
    }
}
