use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use rhai_dispatcher_core::{ActivityPosition, ActivityQueue, WorkerId, lock};

use super::batches::Batch;
use crate::client::ServerReply;

/// Those of a handle that watch the activity of worker ids, and what each has got. Their number is up to the callers.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<Vec<Watcher>>);

#[derive(Debug)]
struct Watcher {
    worker_id: WorkerId,
    queue: Weak<ActivityQueue>,
    /// The batch that it has got last.
    last: ActivityPosition,
}

impl Watchers {
    /// Adds one that gets what comes after `last`.
    pub(crate) fn add(&self, worker_id: WorkerId, queue: &Arc<ActivityQueue>, last: ActivityPosition) {
        lock(&self.0).push(Watcher { worker_id, queue: Arc::downgrade(queue), last });
    }

    /// The worker ids with watchers, and the batch after which one of these has not got all. Those that watch no more are
    /// forgotten.
    pub(crate) fn streams(&self) -> HashMap<WorkerId, ActivityPosition> {
        let mut watchers = lock(&self.0);
        watchers.retain(|watcher| watcher.queue.strong_count() > 0);
        let mut streams = HashMap::new();
        for Watcher { worker_id, last, .. } in watchers.iter() {
            let first = streams.entry(worker_id.clone()).or_insert(*last);
            *first = (*first).min(*last);
        }
        streams
    }

    /// Gives a batch of `worker_id`, with that id, to those that watch it and have not got it.
    pub(crate) fn take(&self, worker_id: &WorkerId, id: &str, fields: &[ServerReply]) {
        let Some(batch) = Batch::parse(id, fields, worker_id) else { return };
        let mut woken = Vec::new();
        let mut watchers = lock(&self.0);
        for watcher in watchers.iter_mut() {
            if watcher.worker_id == *worker_id && watcher.last < batch.position {
                watcher.last = batch.position;
                if let Some(queue) = watcher.queue.upgrade() {
                    woken.extend(batch.entries.iter().filter_map(|entry| queue.push(entry.clone())));
                }
            }
        }
        drop(watchers);
        woken.into_iter().for_each(std::task::Waker::wake);
    }

    /// Forgets those that watch `worker_id`.
    pub(crate) fn remove_all(&self, worker_id: &WorkerId) {
        lock(&self.0).retain(|watcher| watcher.worker_id != *worker_id);
    }
}
