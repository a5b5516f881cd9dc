use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use rhai_dispatcher_core::{Inquiries, TaskId, Tick, WorkerId, lock};

use crate::MemoryConfig;
use crate::activity::{ActivityLog, ActivityLogs};
use crate::queue::Queue;
use crate::record::{Record, Records};

/// What all handles on one transport share.
pub(crate) struct Hub {
    pub(crate) config: MemoryConfig,
    pub(crate) records: Records,
    pub(crate) activity: ActivityLogs,
    /// How many waits for outcomes are registered.
    pub(crate) waiters: AtomicUsize,
    /// Questions where tasks are.
    pub(crate) inquiries: Arc<Inquiries>,
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
        Arc::new(Self {
            config,
            records,
            activity: ActivityLogs::default(),
            inquiries: Arc::default(),
            waiters: AtomicUsize::new(0),
            queues: Mutex::default(),
        })
    }

    /// The time that decides what is due.
    pub(crate) fn tick(&self) -> Tick {
        self.config.clock.now()
    }

    /// The queue of `worker_id`, made if need be.
    pub(crate) fn queue(&self, worker_id: &WorkerId) -> Arc<Queue> {
        /// Below this many queues it is not worth looking for unused ones.
        const FEW: usize = 64;
        let mut queues = lock(&self.queues);
        let make = || Arc::new(Queue::new(worker_id.clone()));
        if self.config.any_worker {
            return Arc::clone(queues.shared.get_or_insert_with(make));
        }
        if let Some(queue) = queues.by_id.get(worker_id) {
            return Arc::clone(queue);
        }
        if queues.by_id.len() >= queues.prune_at {
            // A thread that holds a queue may be about to use it, so only queues without a holder are
            // dropped. No thread can get one meanwhile.
            queues.by_id.retain(|_, queue| Arc::strong_count(queue) > 1 || queue.lock().is_used());
            queues.prune_at = FEW.max(2 * queues.by_id.len());
        }
        let queue = make();
        queues.by_id.insert(worker_id.clone(), Arc::clone(&queue));
        queue
    }

    /// The queue of `worker_id`, if there is one. A task that waits or runs, or that a request id leads to, has one: a
    /// queue is dropped only when it has none of these.
    pub(super) fn existing_queue(&self, worker_id: &WorkerId) -> Option<Arc<Queue>> {
        let queues = lock(&self.queues);
        let queue = if self.config.any_worker { queues.shared.as_ref() } else { queues.by_id.get(worker_id) };
        queue.cloned()
    }

    /// The activity of `worker_id`, made if need be.
    pub(crate) fn activity_of(&self, worker_id: &WorkerId) -> Arc<ActivityLog> {
        self.activity.log(worker_id, || self.tick(), &self.config.transport)
    }

    /// All queues, in no order.
    pub(crate) fn queues(&self) -> Vec<Arc<Queue>> {
        let queues = lock(&self.queues);
        queues.by_id.values().chain(&queues.shared).cloned().collect()
    }

    /// The record of a task, unless it has expired. The time is asked only if it matters. No lock may be held.
    pub(crate) fn record(&self, id: TaskId, now: impl FnOnce() -> Tick) -> Option<Arc<Record>> {
        let mut dropped = Vec::new();
        let record = self.records.get(id, now, &mut dropped);
        self.forget(dropped);
        record
    }

    /// Frees what pointed to dropped records: their request ids. No lock may be held.
    pub(super) fn forget(&self, dropped: Vec<Arc<Record>>) {
        for record in dropped {
            if record.task.request_id.is_some()
                && let Some(queue) = self.existing_queue(&record.task.worker_id)
            {
                queue.lock().forget_request(&record);
            }
        }
    }
}
