use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::ErrorFingerprint;
use crate::{
    CancelReason, InstanceId, MethodName, TaskError, TaskErrorKind, TaskId, TaskStatus, TaskSummary,
    WallTime, WorkerId,
};

/// One end of a task, or of a try after which the task is tried again: a line of the activity of its worker id.
///
/// As JSON its fields are in camelCase, moments in RFC 3339, and durations in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ActivityEntry {
    /// The task.
    pub task_id: TaskId,
    /// The queue it was submitted to.
    pub worker_id: WorkerId,
    /// The method, if the task is a call.
    pub method: Option<MethodName>,
    /// The name of the script, if it is one and has a name.
    pub script_name: Option<Arc<str>>,
    /// The caller.
    pub caller_id: Arc<str>,
    /// The context that the caller named, such as its user.
    pub context_id: Option<Arc<str>>,
    /// The task that dispatched it.
    pub parent: Option<TaskId>,
    /// `completed`, `error` or `cancelled`; `pending` for a try that ended in an error and is repeated.
    pub status: TaskStatus,
    /// Start count, 1-based; 0 if it never ran.
    pub delivery: u32,
    /// How many tries before this one ended in an error.
    pub attempt: u32,
    /// The instance that ran it. `None` if it never ran.
    pub instance: Option<InstanceId>,
    /// When it ended, by the transport's clock.
    pub ended_at: WallTime,
    /// The time from its acceptance to this start; after a delay or a backoff, from the end of that. `None` if it never
    /// ran, or if the transport does not know.
    #[serde(serialize_with = "seconds", deserialize_with = "from_seconds")]
    pub queue_time: Option<Duration>,
    /// The time from this start to the end. `None` if it never ran, or if its instance did not live to tell.
    #[serde(serialize_with = "seconds", deserialize_with = "from_seconds")]
    pub run_time: Option<Duration>,
    /// Why it was cancelled, if it was.
    pub cancel_reason: Option<CancelReason>,
    /// Why it failed, if it did.
    pub error: Option<ActivityError>,
}

impl ActivityEntry {
    /// The end of a task that never ran and about which nothing else is known.
    pub fn new(
        task_id: TaskId,
        worker_id: WorkerId,
        caller_id: impl Into<Arc<str>>,
        status: TaskStatus,
        ended_at: WallTime,
    ) -> Self {
        Self {
            task_id,
            worker_id,
            method: None,
            script_name: None,
            caller_id: caller_id.into(),
            context_id: None,
            parent: None,
            status,
            delivery: 0,
            attempt: 0,
            instance: None,
            ended_at,
            queue_time: None,
            run_time: None,
            cancel_reason: None,
            error: None,
        }
    }

    /// A task that has not ended, as filters see it, if it is `now`: it "ended" when it was accepted, and has run from its
    /// start until now.
    pub(crate) fn of_unfinished(task: &TaskSummary, now: WallTime) -> Self {
        let started = task.started_at.filter(|_| task.status == TaskStatus::Processing);
        Self { run_time: started.map(|at| now - at), ..Self::of(task, task.created_at) }
    }

    /// A task that has ended, by its record.
    pub(crate) fn of_ended(task: &TaskSummary) -> Self {
        let run_time = task.started_at.map(|at| task.updated_at - at);
        Self { run_time, cancel_reason: task.cancel_reason, ..Self::of(task, task.updated_at) }
    }

    fn of(task: &TaskSummary, time: WallTime) -> Self {
        let (worker_id, caller_id) = (task.worker_id.clone(), Arc::clone(&task.caller_id));
        let mut entry = Self::new(task.task_id, worker_id, caller_id, task.status, time);
        entry.method = task.method.clone();
        entry.script_name = task.script_name.clone();
        entry.context_id = task.context_id.clone();
        entry.parent = task.parent;
        entry.delivery = task.delivery;
        entry.attempt = task.attempt;
        entry.instance = task.instance;
        entry.error = task.error.clone().map(ActivityError::from);
        entry
    }

    /// The handler of the method: its name up to the last dot, such as `shop.prices` of `shop.prices.get`. `None` for a
    /// script, and for a method whose name has no dot.
    #[must_use]
    pub fn handler(&self) -> Option<&str> {
        self.method.as_ref()?.as_str().rsplit_once('.').map(|(handler, _)| handler)
    }

    /// The fingerprint of its error, if it has one.
    #[must_use]
    pub fn fingerprint(&self) -> Option<ErrorFingerprint> {
        self.error.as_ref().map(|error| ErrorFingerprint::of(error.kind, &error.message))
    }
}

/// The error of an [`ActivityEntry`]: that of the task, with its message cut short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ActivityError {
    /// What sort of error.
    pub kind: TaskErrorKind,
    /// What happened, in words: at most [`MAX_MESSAGE_BYTES`](Self::MAX_MESSAGE_BYTES), and `…` at the end if it was cut.
    pub message: String,
    /// The line of the script, from 1.
    pub line: Option<u32>,
}

impl ActivityError {
    /// The longest message, in bytes. A longer one is cut; the record of the task has all of it.
    pub const MAX_MESSAGE_BYTES: usize = 500;

    /// An error with its message cut to [`MAX_MESSAGE_BYTES`](Self::MAX_MESSAGE_BYTES).
    #[must_use]
    pub fn new(kind: TaskErrorKind, mut message: String, line: Option<u32>) -> Self {
        const CUT: &str = "…";
        if message.len() > Self::MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(Self::MAX_MESSAGE_BYTES - CUT.len()));
            message.push_str(CUT);
            message.shrink_to_fit();
        }
        Self { kind, message, line }
    }
}

impl From<TaskError> for ActivityError {
    fn from(error: TaskError) -> Self {
        Self::new(error.kind, error.message, error.line)
    }
}

fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

fn from_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    seconds.map(Duration::try_from_secs_f64).transpose().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_message_is_cut_between_characters() {
        let kept = ActivityError::new(TaskErrorKind::Runtime, "ä".repeat(250), None);
        assert_eq!(kept.message, "ä".repeat(250), "500 bytes are not too many");
        let cut = ActivityError::new(TaskErrorKind::Runtime, format!("x{}", "ä".repeat(250)), None);
        assert_eq!(cut.message, format!("x{}…", "ä".repeat(248)));
    }

    #[test]
    fn handler_stands_before_the_last_dot() {
        let id = WorkerId::try_from("w").expect("an id");
        let mut entry =
            ActivityEntry::new(TaskId::new(), id, "c", TaskStatus::Completed, WallTime::from_millis(5));
        assert_eq!(entry.handler(), None);
        for (method, handler) in [("echo", None), ("a.b", Some("a")), ("a.b.c", Some("a.b"))] {
            entry.method = Some(MethodName::try_from(method).expect("a name"));
            assert_eq!(entry.handler(), handler);
        }
    }
}
