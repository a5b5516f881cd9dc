use rhai_dispatcher_core::{TaskId, WorkerId};
use serde::{Deserialize, Serialize};

/// A task that was submitted, and is not waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Submitted {
    /// The task.
    pub task_id: TaskId,
    /// The queue that it went to.
    pub worker_id: WorkerId,
}
