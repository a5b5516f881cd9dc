use rhai_dispatcher_core::{
    Json, Output, Payload, Task, TaskDetails, TaskError, TaskErrorKind, TaskId, TraceContext, WallTime,
    WorkerId,
};

use crate::ListTaskDetails;
use crate::fields::parse_time;

/// What the list protocol tells of a task, as a record.
///
/// # Panics
/// Never: a worker id that is missing or wrong becomes `unknown`.
pub(crate) fn of_hash(hash: ListTaskDetails, id: TaskId) -> TaskDetails {
    let worker_id = WorkerId::try_from(hash.worker_id).or_else(|_| WorkerId::try_from("unknown"));
    let worker_id = worker_id.unwrap_or_else(|_| unreachable!("it is a worker id"));
    let mut task = Task::new(worker_id, Payload::script(hash.script), hash.caller_id);
    task.id = id;
    task.context_id = hash.context_id.map(Into::into);
    let traceparent = hash.traceparent.as_deref();
    let trace = traceparent.and_then(|parent| TraceContext::from_headers(parent, hash.tracestate.as_deref()));
    task.trace = trace.map(Into::into);
    let created_at = parse_time(&hash.created_at).unwrap_or(WallTime::from_millis(0));
    let mut details = TaskDetails::accepted(&task, created_at);
    details.updated_at = parse_time(&hash.updated_at).unwrap_or(created_at);
    details.status = hash.status;
    details.output = hash.output.map(output);
    details.error = hash.error.map(|error| error_of(&error));
    details
}

/// The value of an output. The protocol has texts: what is not JSON is a string.
fn output(text: String) -> Output {
    let json = Json::parse(text.as_str()).or_else(|_| Json::of(&text));
    json.unwrap_or_else(|_| Json::null()).into()
}

/// The kind and message of an error. The protocol has texts: `runtime: no such function (line 1, column 2)`.
fn error_of(text: &str) -> TaskError {
    let split = text.split_once(": ");
    let known = split.and_then(|(kind, message)| kind.parse().ok().map(|kind| (kind, message)));
    let (kind, message) = known.unwrap_or((TaskErrorKind::Runtime, text));
    TaskError::new(kind, message)
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::TaskStatus;

    use super::*;

    #[test]
    fn a_reply_is_read_as_a_record() {
        let mut hash = ListTaskDetails::of_id("job-1");
        (hash.status, hash.output) = (TaskStatus::Completed, Some("Hello".into()));
        hash.created_at = "2023-11-14T22:13:20.123Z".into();
        let id = TaskId::new();
        let details = of_hash(hash.clone(), id);
        assert_eq!((details.task_id, details.worker_id.as_str()), (id, "unknown"));
        assert_eq!(details.created_at, WallTime::from_millis(1_700_000_000_123));
        assert_eq!(details.into_result::<String>().expect("text"), "Hello");
        hash.output = Some(r#"{"n":42}"#.into());
        let output: serde_json::Value = of_hash(hash.clone(), id).into_result().expect("JSON");
        assert_eq!(output["n"], 42);
        (hash.status, hash.output) = (TaskStatus::Error, None);
        for (text, kind, message) in [
            ("limit: too many operations", TaskErrorKind::Limit, "too many operations"),
            ("script: is missing", TaskErrorKind::Runtime, "script: is missing"),
        ] {
            hash.error = Some(text.into());
            let error = of_hash(hash.clone(), id).error.expect("an error");
            assert_eq!((error.kind, &*error.message), (kind, message));
        }
    }
}
