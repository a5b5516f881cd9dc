use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rhai_dispatcher_core::{Tick, TransportConfig, WorkerId, lock};

use super::ActivityLog;

/// The logs of all worker ids. They outlive the queues.
#[derive(Default)]
pub(crate) struct ActivityLogs(Mutex<Table>);

#[derive(Default)]
struct Table {
    by_id: BTreeMap<WorkerId, Arc<ActivityLog>>,
    /// How many logs there may be before those that are not needed are dropped.
    prune_at: usize,
}

impl ActivityLogs {
    /// The log of `worker_id`, made if need be.
    pub(crate) fn log(
        &self,
        worker_id: &WorkerId,
        now: impl FnOnce() -> Tick,
        config: &TransportConfig,
    ) -> Arc<ActivityLog> {
        /// Below this many it is not worth looking for those that are not needed.
        const FEW: usize = 64;
        let mut table = lock(&self.0);
        if let Some(log) = table.by_id.get(worker_id) {
            return Arc::clone(log);
        }
        if table.by_id.len() >= table.prune_at {
            let now = now();
            // No thread can get one meanwhile, and one that holds it may write to it.
            table.by_id.retain(|_, log| Arc::strong_count(log) > 1 || log.expire(now, config));
            table.prune_at = FEW.max(2 * table.by_id.len());
        }
        let log = Arc::default();
        table.by_id.insert(worker_id.clone(), Arc::clone(&log));
        log
    }

    /// The log of `worker_id`, if it has one, without what has expired.
    pub(crate) fn existing(
        &self,
        worker_id: &WorkerId,
        now: Tick,
        config: &TransportConfig,
    ) -> Option<Arc<ActivityLog>> {
        let log = lock(&self.0).by_id.get(worker_id).cloned()?;
        log.expire(now, config);
        Some(log)
    }

    /// The worker ids with entries, by name.
    pub(crate) fn worker_ids(&self, now: Tick, config: &TransportConfig) -> Vec<WorkerId> {
        let logs: Vec<_> =
            lock(&self.0).by_id.iter().map(|(id, log)| (id.clone(), Arc::clone(log))).collect();
        let with_entries = logs.into_iter().filter(|(_, log)| log.expire(now, config) && log.has_entries());
        with_entries.map(|(id, _)| id).collect()
    }
}
