use metrics::{Counter, counter};

use super::task_ends::TaskEnds;
use crate::WorkerId;

/// What a worker counts beside its lanes.
#[derive(Debug)]
pub(crate) struct WorkerMetrics {
    /// The ends of its tasks.
    pub(crate) ends: TaskEnds,
    renewed: Counter,
    not_renewed: Counter,
    lost: Counter,
}

impl WorkerMetrics {
    pub(crate) fn new(worker_id: &WorkerId) -> Self {
        let id = || worker_id.to_string();
        let renewals = |result: &'static str| counter!("rhai_lease_renewals_total", "worker_id" => id(), "result" => result);
        Self {
            ends: TaskEnds::new(worker_id),
            renewed: renewals("ok"),
            not_renewed: renewals("failed"),
            lost: counter!("rhai_tasks_lost_total", "worker_id" => id()),
        }
    }

    /// The lease is renewed, and the worker has lost so many claims.
    pub(crate) fn renewed(&self, lost: usize) {
        self.renewed.increment(1);
        self.lost.increment(lost as u64);
    }

    /// A renewal failed.
    pub(crate) fn not_renewed(&self) {
        self.not_renewed.increment(1);
    }
}
