use std::sync::{Mutex, MutexGuard};

use rhai_dispatcher_core::{WorkerId, lock};

use super::queue_state::QueueState;

/// What waits for one worker id, and who serves it.
pub(crate) struct Queue {
    pub(crate) worker_id: WorkerId,
    state: Mutex<QueueState>,
}

impl Queue {
    pub(crate) fn new(worker_id: WorkerId) -> Self {
        Self { worker_id, state: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, QueueState> {
        lock(&self.state)
    }
}
