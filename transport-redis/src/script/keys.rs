use std::fmt::Display;

use bytes::Bytes;
use rhai_dispatcher_core::{InstanceId, TaskId, WorkerId};

/// The list to which tasks for an idle instance are delivered.
pub(crate) fn deliveries(prefix: &str, worker_id: &WorkerId, instance: InstanceId) -> Bytes {
    format!("{{{prefix}:{worker_id}}}:deliveries:{instance}").into()
}

/// How tasks of a worker id have ended.
pub(crate) fn activity(prefix: &str, worker_id: &WorkerId) -> Bytes {
    format!("{{{prefix}:{worker_id}}}:activity").into()
}

/// The record of a task.
pub(crate) fn record(prefix: &str, id: TaskId) -> Bytes {
    format!("{prefix}:{id}").into()
}

/// The tasks that a task has dispatched.
pub(crate) fn children(prefix: &str, id: TaskId) -> Bytes {
    format!("{{{prefix}:{id}}}:children").into()
}

/// What the runs of a task tell; the channel that says so has the same name.
pub(crate) fn events(prefix: &str, id: impl Display) -> Bytes {
    format!("{{{prefix}:{id}}}:events").into()
}

/// The channel of the inbox of a handle. It is not a key: nothing is kept there.
pub(crate) fn inbox_channel(prefix: &str, id: &str) -> Bytes {
    format!("{prefix}:inbox:{id}").into()
}

/// The name of [`queues`], by which scripts are told of it.
pub(crate) const QUEUES: &str = "queues";

/// The worker ids in use, by when that was noted last.
pub(crate) fn queues(prefix: &str) -> Bytes {
    format!("{prefix}:{QUEUES}").into()
}

/// Which libraries of scripts are in use, by when that was noted last.
pub(crate) fn libraries(prefix: &str) -> Bytes {
    format!("{prefix}:libraries").into()
}
