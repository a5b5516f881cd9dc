use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    CancelReason, InstanceId, Json, Limits, MethodName, Outcome, Output, Payload, Priority, Task, TaskError,
    TaskFailure, TaskId, TaskLog, TaskStatus, TraceContext, WorkerId,
};
use crate::WallTime;

/// The record of a task: what is known of it at one moment.
///
/// As JSON its fields are in camelCase and its times in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TaskDetails {
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
    /// The tasks that it dispatched, in that order.
    #[serde(default)]
    pub children: Vec<TaskId>,
    /// The text of the script; empty if the task is a call of a method.
    pub script: Arc<str>,
    /// The name of the script.
    pub script_name: Option<Arc<str>>,
    /// The method, if the task is a call.
    #[serde(default)]
    pub method: Option<MethodName>,
    /// What it was run with.
    pub args: Json,
    /// Its limits that are lower than its worker's, if there are any.
    #[serde(default)]
    pub limits: Option<Arc<Limits>>,
    /// The trace of its caller, if it was submitted with one.
    #[serde(default)]
    pub trace: Option<Arc<TraceContext>>,
    /// How soon it is claimed beside others.
    pub priority: Priority,
    /// Its status.
    pub status: TaskStatus,
    /// What it returned, if it completed.
    pub output: Option<Output>,
    /// Why it failed, if it did; while it waits for a retry, why the last try failed.
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
    /// What it printed; known when it has ended.
    pub log: TaskLog,
    /// When it was accepted, by the transport's clock.
    pub created_at: WallTime,
    /// When the record last changed.
    pub updated_at: WallTime,
    /// When its last start was.
    pub started_at: Option<WallTime>,
    /// The end of its delay or backoff, by the transport's clock.
    pub run_at: Option<WallTime>,
}

impl TaskDetails {
    /// The record of a task that has just been accepted.
    #[must_use]
    pub fn accepted(task: &Task, now: WallTime) -> Self {
        Self {
            task_id: task.id,
            worker_id: task.worker_id.clone(),
            caller_id: Arc::clone(&task.caller_id),
            context_id: task.context_id.clone(),
            request_id: task.request_id.clone(),
            parent: task.parent,
            children: Vec::new(),
            script: task.payload.source().cloned().unwrap_or_default(),
            script_name: task.payload.name().map(Arc::from),
            method: task.payload.method().cloned(),
            args: task.args.clone(),
            limits: task.limits.clone(),
            trace: task.trace.clone(),
            priority: task.priority,
            status: TaskStatus::Pending,
            output: None,
            error: None,
            cancel_reason: None,
            delivery: 0,
            attempt: 0,
            deaths: 0,
            instance: None,
            log: TaskLog::new(),
            created_at: now,
            updated_at: now,
            started_at: None,
            run_at: (!task.delay.is_zero()).then(|| now + task.delay),
        }
    }

    /// What it runs.
    #[must_use]
    pub fn payload(&self) -> Payload {
        match &self.method {
            Some(method) => Payload::Call { method: method.clone() },
            None => Payload::Script { source: Arc::clone(&self.script), name: self.script_name.clone() },
        }
    }

    /// Writes `outcome` into the record.
    pub fn set_outcome(&mut self, outcome: Outcome) {
        self.status = outcome.status();
        self.output = None;
        self.error = None;
        self.cancel_reason = None;
        match outcome {
            Outcome::Completed(output) => self.output = Some(output),
            Outcome::Error(error) => self.error = Some(error),
            Outcome::Cancelled(reason) => self.cancel_reason = Some(reason),
        }
    }

    /// The output as a `T`, if the task completed and its output has that shape.
    ///
    /// # Errors
    /// [`TaskFailure::Error`] with the task's error; [`TaskFailure::Cancelled`] with the reason;
    /// [`TaskFailure::Output`] if the output has another shape; [`TaskFailure::Unfinished`].
    pub fn into_result<T: DeserializeOwned>(self) -> Result<T, TaskFailure> {
        match (self.status, self.output, self.error, self.cancel_reason) {
            (TaskStatus::Completed, Some(output), ..) => output.to().map_err(|error| TaskFailure::Output {
                output: output.as_json().to_string(),
                problem: error.to_string(),
            }),
            (TaskStatus::Error, _, Some(error), _) => Err(TaskFailure::Error(error)),
            (TaskStatus::Cancelled, _, _, Some(reason)) => Err(TaskFailure::Cancelled(reason)),
            (status, ..) => Err(TaskFailure::Unfinished(status)),
        }
    }
}
