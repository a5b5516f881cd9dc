use std::sync::Arc;

use rhai_dispatcher_core::{DispatcherConfig, Invalid, Payload, Task, TaskId, WorkerId, script_text};

use super::ListBridgeConfig;
use crate::ListId;
use crate::list_id::quoted;
use crate::store::{ClientHash, Field};

/// The task that the hash of a client asks for.
///
/// # Errors
/// [`Invalid`] naming the field that can't be used.
pub(super) fn request(
    hash: &ClientHash,
    id: &ListId,
    worker_id: &WorkerId,
    config: &ListBridgeConfig,
) -> Result<Task, Invalid> {
    let named = label("workerId", &hash.worker_id)?;
    if named.as_deref().is_some_and(|named| named != worker_id.as_str()) {
        let problem = format!(
            "is {}, and the task was pushed to the list of {worker_id}",
            quoted(named.as_deref().unwrap_or_default())
        );
        return Err(Invalid::new(
            "workerId",
            problem,
            "push it to the list of that worker id, or leave the field out",
        ));
    }
    let caller_id = label("callerId", &hash.caller_id)?.unwrap_or_else(|| Arc::clone(&config.caller_id));
    let longest = config.max_script_bytes;
    let script = hash.script.check(longest).map_err(|problem| {
        Invalid::new("script", problem, "make it smaller, or raise max_script_bytes of the bridge")
    })?;
    let script = script.ok_or_else(|| {
        Invalid::new("script", "is missing or empty", "write it into the hash before the id is pushed")
    })?;
    let mut task = Task::new(worker_id.clone(), Payload::script(&*script_text(script)), caller_id);
    task.context_id = label("contextId", &hash.context_id)?;
    task.request_id = Some(id.as_str().into());
    if let Some(noted) = hash.runs_as.text().and_then(|text| text.parse::<TaskId>().ok()) {
        task.id = noted;
    }
    // Its outcome is sent, and need not be read.
    task.awaited = true;
    Ok(task)
}

/// An id that the client chose freely, if it has one.
fn label(field: &'static str, value: &Field) -> Result<Option<Arc<str>>, Invalid> {
    let hint = "use 1 to 256 bytes of printable text, or leave it out";
    let refuse = |problem: String| Invalid::new(field, problem, hint);
    let Some(text) = value.check(DispatcherConfig::MAX_LABEL_BYTES).map_err(refuse)? else { return Ok(None) };
    // All free-form ids have the rules of a caller's id.
    let config = DispatcherConfig::new(text).map_err(|invalid| Invalid::new(field, invalid.problem, hint))?;
    Ok(Some(config.caller_id))
}
