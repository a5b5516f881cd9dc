use std::sync::Arc;

use rhai_dispatcher_core::{
    DispatcherConfig, Invalid, Json, Limits, Payload, Priority, Task, TaskId, WorkerId, integer_beyond_i64,
    script_text,
};

use super::ListBridgeConfig;
use crate::ListId;
use crate::list_id::quoted;
use crate::store::{ClientHash, Field, MAX_LIMITS_BYTES};

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
    let script = script.ok_or_else(|| match hash.method {
        Field::Absent => {
            Invalid::new("script", "is missing or empty", "write it into the hash before the id is pushed")
        }
        _ => Invalid::new(
            "method",
            "is not a field of the list protocol, which runs scripts only",
            "write a script into the field `script`; `rhaid call --method` and dispatchers call methods",
        ),
    })?;
    let mut task = Task::new(worker_id.clone(), Payload::script(&*script_text(script)), caller_id);
    task.args = args(hash, config)?;
    task.priority = priority(hash)?;
    task.limits = limits(hash)?;
    task.trace = hash.trace().map(Arc::new);
    task.context_id = label("contextId", &hash.context_id)?;
    task.request_id = Some(id.as_str().into());
    if let Some(noted) = hash.runs_as.text().and_then(|text| text.parse::<TaskId>().ok()) {
        task.id = noted;
    }
    // Its outcome is sent, and need not be read.
    task.awaited = true;
    Ok(task)
}

/// The arguments, which the script sees as `args`.
fn args(hash: &ClientHash, config: &ListBridgeConfig) -> Result<Json, Invalid> {
    const HINT: &str = "write a JSON object, such as {\"name\":\"Ann\"}, or leave it out";
    let hint = "make them smaller, or raise max_args_bytes of the bridge";
    let text = hash.args.check(config.max_args_bytes);
    let text = text.map_err(|problem| Invalid::new("args", problem, hint))?;
    let Some(text) = text else { return Ok(Json::null()) };
    let refuse = |problem: String| Invalid::new("args", problem, HINT);
    if let Some(number) = integer_beyond_i64(text) {
        let problem = format!("has the whole number {number:.64}, beyond 64 bits with a sign");
        return Err(Invalid::new("args", problem, "send it as a string"));
    }
    let json = Json::parse(text).map_err(|error| refuse(format!("is not JSON: {error}")))?;
    match json.as_str().trim_start().starts_with('{') {
        true => Ok(json),
        false => Err(refuse("is not an object".to_owned())),
    }
}

fn priority(hash: &ClientHash) -> Result<Priority, Invalid> {
    let hint = "use high, normal or low, or leave it out";
    let text = hash.priority.check(DispatcherConfig::MAX_LABEL_BYTES);
    let text = text.map_err(|problem| Invalid::new("priority", problem, hint))?;
    text.map_or(Ok(Priority::default()), str::parse)
}

/// The limits of the task, by their names.
fn limits(hash: &ClientHash) -> Result<Option<Arc<Limits>>, Invalid> {
    let refuse = |problem: String| {
        Invalid::new(
            "limits",
            problem,
            "write a JSON object, such as {\"max_operations\":1000}, or leave it out",
        )
    };
    let Some(text) = hash.limits.check(MAX_LIMITS_BYTES).map_err(refuse)? else { return Ok(None) };
    let limits: Limits = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    limits.check()?;
    Ok((!limits.is_empty()).then(|| Arc::new(limits)))
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
