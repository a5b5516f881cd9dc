//! Ids on the command line, each with the library's rules.

use std::sync::Arc;

use rhai_dispatcher::dispatcher::DispatcherConfig;
use rhai_dispatcher::task::{MethodName, TraceContext};
use rhai_dispatcher::{Invalid, Priority, TaskId, TaskStatus, WorkerId};

/// The name of a queue.
pub(crate) fn worker_id(text: &str) -> Result<WorkerId, String> {
    text.parse().map_err(without_field)
}

/// The id of a task.
pub(crate) fn task_id(text: &str) -> Result<TaskId, String> {
    text.parse().map_err(without_field)
}

/// The name of a method.
pub(super) fn method_name(text: &str) -> Result<MethodName, String> {
    text.parse().map_err(without_field)
}

/// The trace that a task belongs to.
pub(super) fn traceparent(text: &str) -> Result<TraceContext, String> {
    text.parse().map_err(without_field)
}

/// A priority.
pub(super) fn priority(text: &str) -> Result<Priority, String> {
    text.parse().map_err(without_field)
}

/// The status of a task that has not ended.
pub(crate) fn unfinished_status(text: &str) -> Result<TaskStatus, String> {
    match text.parse::<TaskStatus>() {
        Ok(status) if !status.is_terminal() => Ok(status),
        Ok(_) => Err("tasks that have ended are not listed; give pending or processing".to_owned()),
        Err(invalid) => Err(format!("{}; give pending or processing", invalid.problem)),
    }
}

/// A free-form id, such as that of a context.
pub(crate) fn label(text: &str) -> Result<Arc<str>, String> {
    // All free-form ids have the rules of a caller's id.
    DispatcherConfig::new(text).map(|config| config.caller_id).map_err(without_field)
}

/// Leaves out the library's name of the argument, because clap prints the name on the command line.
fn without_field(Invalid { problem, hint, .. }: Invalid) -> String {
    format!("{problem}; {hint}")
}
