use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    CancelReason, InstanceId, MethodName, Priority, TaskDetails, TaskError, TaskId, TaskStatus, WorkerId,
};
use crate::WallTime;

/// What a list shows of a task: its record without what may be long, which are script, arguments, limits, output, log and
/// children.
///
/// As JSON its fields are in camelCase and its times in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TaskSummary {
    /// The task.
    pub task_id: TaskId,
    /// The queue it was submitted to.
    pub worker_id: WorkerId,
    /// The caller.
    pub caller_id: Arc<str>,
    /// The context that the caller named, such as its user.
    pub context_id: Option<Arc<str>>,
    /// The request id that it was submitted under.
    pub request_id: Option<Arc<str>>,
    /// The task that dispatched it.
    pub parent: Option<TaskId>,
    /// The name of the script.
    pub script_name: Option<Arc<str>>,
    /// The method, if the task is a call.
    pub method: Option<MethodName>,
    /// How soon it is claimed beside others.
    pub priority: Priority,
    /// Its status.
    pub status: TaskStatus,
    /// Why it failed, if it did, without a value that the script threw; while it waits for a retry, why the last try failed.
    pub error: Option<TaskError>,
    /// Why it was cancelled, if it was.
    pub cancel_reason: Option<CancelReason>,
    /// Start count.
    pub delivery: u32,
    /// How many tries have ended in an error that was retried.
    pub attempt: u32,
    /// How many instances have died while they had it.
    pub deaths: u32,
    /// The instance that runs it, or ran it last.
    pub instance: Option<InstanceId>,
    /// When it was accepted, by the transport's clock.
    pub created_at: WallTime,
    /// When the record last changed.
    pub updated_at: WallTime,
    /// When its last start was.
    pub started_at: Option<WallTime>,
    /// The end of its delay or backoff, by the transport's clock.
    pub run_at: Option<WallTime>,
}

impl TaskSummary {
    /// A task that has not started, and of which nothing else is known.
    #[must_use]
    pub fn new(
        task_id: TaskId,
        worker_id: WorkerId,
        caller_id: Arc<str>,
        status: TaskStatus,
        created_at: WallTime,
    ) -> Self {
        Self {
            task_id,
            worker_id,
            caller_id,
            context_id: None,
            request_id: None,
            parent: None,
            script_name: None,
            method: None,
            priority: Priority::default(),
            status,
            error: None,
            cancel_reason: None,
            delivery: 0,
            attempt: 0,
            deaths: 0,
            instance: None,
            created_at,
            updated_at: created_at,
            started_at: None,
            run_at: None,
        }
    }
}

impl From<&TaskDetails> for TaskSummary {
    fn from(details: &TaskDetails) -> Self {
        Self {
            task_id: details.task_id,
            worker_id: details.worker_id.clone(),
            caller_id: Arc::clone(&details.caller_id),
            context_id: details.context_id.clone(),
            request_id: details.request_id.clone(),
            parent: details.parent,
            script_name: details.script_name.clone(),
            method: details.method.clone(),
            priority: details.priority,
            status: details.status,
            error: details.error.clone().map(|error| error.with_value(None)),
            cancel_reason: details.cancel_reason,
            delivery: details.delivery,
            attempt: details.attempt,
            deaths: details.deaths,
            instance: details.instance,
            created_at: details.created_at,
            updated_at: details.updated_at,
            started_at: details.started_at,
            run_at: details.run_at,
        }
    }
}
