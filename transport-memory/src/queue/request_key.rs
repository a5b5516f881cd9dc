use std::sync::Arc;

use rhai_dispatcher_core::{Task, WorkerId};

/// What a request id is unique for: its caller, and the worker id, since queues may be shared.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct RequestKey {
    caller_id: Arc<str>,
    worker_id: WorkerId,
    request_id: Arc<str>,
}

impl RequestKey {
    /// The key of a task that has a request id.
    pub(crate) fn of(task: &Task) -> Option<Self> {
        let request_id = task.request_id.clone()?;
        Some(Self { caller_id: Arc::clone(&task.caller_id), worker_id: task.worker_id.clone(), request_id })
    }
}
