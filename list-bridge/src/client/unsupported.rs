use std::error::Error;
use std::sync::Arc;

use rhai_dispatcher_core::{Invalid, Priority, Task, TransportError};

/// What a task asks for that the list protocol does not have, if there is something.
///
/// A deadline of a task whose caller waits is that of the wait, and is left to it.
pub(super) fn unsupported(task: &Task) -> Option<Invalid> {
    let asks = [
        ("args", !task.args.is_null(), "write the values into the script"),
        ("delay", !task.delay.is_zero(), "submit it later"),
        ("priority", task.priority != Priority::Normal, "leave it out"),
        ("expires_in", task.expires_in.is_some(), "leave it out"),
        ("deadline_in", task.deadline_in.is_some() && !task.awaited, "leave it out"),
        ("retries", task.retry.max_retries > 0, "submit it again after an error"),
        ("limits", task.limits.is_some(), "set them where the worker is started"),
        ("request_id", task.request_id.is_some(), "leave it out: each submit is a new task"),
        ("parent", task.parent.is_some(), "dispatch it over a URL without protocol=list"),
    ];
    let (field, _, hint) = asks.into_iter().find(|(_, asked, _)| *asked)?;
    Some(Invalid::new(field, "the list protocol (protocol=list) has no such thing", hint))
}

/// The error of a call that the list protocol does not have.
pub(super) fn refused(call: &str) -> TransportError {
    let problem = format!(
        "{call}: the list protocol (protocol=list) can't do that; use a URL without it, and a worker of this project"
    );
    TransportError::Refused(Arc::from(Box::<dyn Error + Send + Sync>::from(problem)))
}
