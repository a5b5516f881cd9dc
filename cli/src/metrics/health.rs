use std::sync::Arc;

use rhai_dispatcher::WorkerId;
use rhai_dispatcher::transport::Transport;
use rhai_dispatcher::worker::{WorkerHealth, WorkerState};
use serde_json::{Value, json};

/// What `/healthz` and `/readyz` say of a worker.
#[derive(Debug)]
pub(crate) struct HealthChecks {
    pub(super) worker_id: WorkerId,
    pub(super) worker: WorkerHealth,
    pub(super) transport: Arc<dyn Transport>,
}

/// The answer of a check: whether all is well, and the body.
pub(super) type Checked = (bool, Value);

impl HealthChecks {
    /// Whether the worker lives: its lease is renewed in time, and its store can be reached. Also while it drains.
    pub(super) fn live(&self) -> Checked {
        self.answer(|state| matches!(state, WorkerState::Serving | WorkerState::Draining))
    }

    /// Whether the worker begins tasks: it lives, and does not drain.
    pub(super) fn ready(&self) -> Checked {
        self.answer(|state| state == WorkerState::Serving)
    }

    fn answer(&self, is_well: impl FnOnce(WorkerState) -> bool) -> Checked {
        let (state, store) = (self.worker.state(), self.transport.health());
        let mut problems = Vec::new();
        if !is_well(state) {
            problems.push(state.to_string());
        }
        if !store.connected {
            problems.push(match store.last_error {
                Some(error) => format!("the store can't be reached: {error}"),
                None => "the store is not connected".to_owned(),
            });
        }
        let worker_id = &self.worker_id;
        if problems.is_empty() {
            return (true, json!({ "status": "ok", "workerId": worker_id }));
        }
        (false, json!({ "status": "unavailable", "workerId": worker_id, "reason": problems.join("; ") }))
    }
}
