//! What goes over the wire as postcard: a version byte, then a private struct of that version.
//! The structs mirror core's types, which may change when the wire must not.

use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{
    CancelReason, InstanceId, Invalid, Json, Limits, LogLevel, Outcome, Payload, Priority, RetryPolicy, Task,
    TaskError, TaskErrorKind, TaskId, TaskLog, WallTime, WorkerId,
};
use serde::{Deserialize, Serialize};

/// The version that is written, and the newest that is read.
pub(crate) const VERSION: u8 = 1;

/// Why a payload was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the payload is empty")]
    Empty,
    #[error("the payload is of version {0}, which this instance does not read")]
    Version(u8),
    #[error("the payload can't be read: {0}")]
    Corrupted(String),
}

#[derive(Serialize, Deserialize)]
struct TaskV1 {
    id: TaskId,
    worker_id: WorkerId,
    source: Arc<str>,
    name: Option<Arc<str>>,
    args: Json,
    caller_id: Arc<str>,
    context_id: Option<Arc<str>>,
    request_id: Option<Arc<str>>,
    /// Its place in [`Priority::ALL`].
    priority: u8,
    delay: Duration,
    expires_in: Option<Duration>,
    deadline_in: Option<Duration>,
    max_retries: u32,
    first_backoff: Duration,
    max_backoff: Duration,
    awaited: bool,
    parent: Option<TaskId>,
    depth: u32,
}

pub(crate) fn encode_task(task: &Task) -> Result<Vec<u8>, Invalid> {
    let Payload::Script { source, name } = &task.payload else {
        return Err(Invalid::new("payload", "is of a sort that Redis does not carry", "send a script"));
    };
    let encoded = encode(&TaskV1 {
        id: task.id,
        worker_id: task.worker_id.clone(),
        source: Arc::clone(source),
        name: name.clone(),
        args: task.args.clone(),
        caller_id: Arc::clone(&task.caller_id),
        context_id: task.context_id.clone(),
        request_id: task.request_id.clone(),
        priority: task.priority as u8,
        delay: task.delay,
        expires_in: task.expires_in,
        deadline_in: task.deadline_in,
        max_retries: task.retry.max_retries,
        first_backoff: task.retry.first_backoff,
        max_backoff: task.retry.max_backoff,
        awaited: task.awaited,
        parent: task.parent,
        depth: task.depth,
    });
    // Behind the struct, so that a task without any pays nothing.
    let encoded = match &task.limits {
        Some(limits) => encoded.and_then(|bytes| postcard::to_extend(&**limits, bytes)),
        None => encoded,
    };
    encoded.map_err(|problem| Invalid::new("task", problem.to_string(), "send a smaller one"))
}

pub(crate) fn decode_task(bytes: &[u8]) -> Result<Task, WireError> {
    let (wire, rest): (TaskV1, _) = decode_first(bytes)?;
    let limits = (!rest.is_empty()).then(|| postcard::from_bytes::<Limits>(rest)).transpose();
    let priority = Priority::ALL.get(usize::from(wire.priority)).copied();
    let payload = Payload::Script { source: wire.source, name: wire.name };
    let mut task = Task::new(wire.worker_id, payload, wire.caller_id);
    task.id = wire.id;
    task.args = wire.args;
    task.context_id = wire.context_id;
    task.request_id = wire.request_id;
    task.priority = priority.ok_or_else(|| WireError::Corrupted(format!("priority {}", wire.priority)))?;
    task.delay = wire.delay;
    task.expires_in = wire.expires_in;
    task.deadline_in = wire.deadline_in;
    task.retry = RetryPolicy {
        max_retries: wire.max_retries,
        first_backoff: wire.first_backoff,
        max_backoff: wire.max_backoff,
    };
    task.awaited = wire.awaited;
    task.parent = wire.parent;
    task.depth = wire.depth;
    task.limits = limits.map_err(corrupted)?.map(Arc::new);
    Ok(task)
}

/// How a task ended, for its submitter, who knows the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) task: TaskId,
    pub(crate) outcome: Outcome,
    pub(crate) log: TaskLog,
    pub(crate) instance: InstanceId,
    pub(crate) delivery: u32,
    pub(crate) attempt: u32,
    pub(crate) deaths: u32,
    pub(crate) started_at: WallTime,
}

#[derive(Serialize, Deserialize)]
struct EndedV1 {
    task: TaskId,
    outcome: OutcomeV1,
    log: Option<LogV1>,
    instance: InstanceId,
    delivery: u32,
    attempt: u32,
    deaths: u32,
    started_at: u64,
}

#[derive(Serialize, Deserialize)]
enum OutcomeV1 {
    Completed(Json),
    Error { kind: String, message: String, line: Option<u32>, column: Option<u32> },
    Cancelled(String),
}

#[derive(Serialize, Deserialize)]
struct LogV1 {
    /// Whether it is of `debug`, and the text.
    lines: Vec<(bool, String)>,
    truncated: bool,
}

pub(crate) fn encode_ended(ended: &Ended) -> Option<Vec<u8>> {
    let outcome = match &ended.outcome {
        Outcome::Completed(output) => OutcomeV1::Completed(output.as_json().clone()),
        Outcome::Error(error) => OutcomeV1::Error {
            kind: error.kind.as_str().to_owned(),
            message: error.message.clone(),
            line: error.line,
            column: error.column,
        },
        Outcome::Cancelled(reason) => OutcomeV1::Cancelled(reason.as_str().to_owned()),
    };
    let log = (!ended.log.is_empty()).then(|| LogV1 {
        lines: ended
            .log
            .lines()
            .iter()
            .map(|line| (line.level == LogLevel::Debug, line.text.clone()))
            .collect(),
        truncated: ended.log.is_truncated(),
    });
    encode(&EndedV1 {
        task: ended.task,
        outcome,
        log,
        instance: ended.instance,
        delivery: ended.delivery,
        attempt: ended.attempt,
        deaths: ended.deaths,
        started_at: ended.started_at.as_millis(),
    })
    .ok()
}

pub(crate) fn decode_ended(bytes: &[u8]) -> Result<Ended, WireError> {
    let wire: EndedV1 = decode(bytes)?;
    let outcome = match wire.outcome {
        OutcomeV1::Completed(json) => Outcome::Completed(json.into()),
        OutcomeV1::Error { kind, message, line, column } => {
            Outcome::Error(TaskError::new(error_kind(&kind), message).at(line, column))
        }
        OutcomeV1::Cancelled(reason) => {
            Outcome::Cancelled(reason.parse::<CancelReason>().map_err(corrupted)?)
        }
    };
    let mut log = TaskLog::new();
    for (debug, text) in wire.log.iter().flat_map(|log| &log.lines) {
        log.push(if *debug { LogLevel::Debug } else { LogLevel::Print }, text.clone(), usize::MAX);
    }
    if wire.log.is_some_and(|log| log.truncated) {
        log.push(LogLevel::Print, "", 0);
    }
    Ok(Ended {
        task: wire.task,
        outcome,
        log,
        instance: wire.instance,
        delivery: wire.delivery,
        attempt: wire.attempt,
        deaths: wire.deaths,
        started_at: WallTime::from_millis(wire.started_at),
    })
}

/// The kind of that name. One that a newer version has added is at least an error of the run.
pub(crate) fn error_kind(name: &str) -> TaskErrorKind {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StrDeserializer};
    let name: StrDeserializer<'_, Error> = name.into_deserializer();
    TaskErrorKind::deserialize(name).unwrap_or(TaskErrorKind::Runtime)
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    postcard::to_extend(value, bytes)
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    decode_first(bytes).map(|(value, _)| value)
}

/// A value, and the bytes behind it.
fn decode_first<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), WireError> {
    match bytes.split_first() {
        None => Err(WireError::Empty),
        Some((&VERSION, rest)) => postcard::take_from_bytes(rest).map_err(corrupted),
        Some((&version, _)) => Err(WireError::Version(version)),
    }
}

fn corrupted(error: impl ToString) -> WireError {
    WireError::Corrupted(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_comes_back_as_it_was() {
        let worker_id = WorkerId::try_from("worker-1").expect("a name");
        let payload = Payload::Script { source: "40 + 2".into(), name: Some("a.rhai".into()) };
        let mut task = Task::new(worker_id, payload, "caller");
        assert_eq!(decode_task(&encode_task(&task).expect("bytes")), Ok(task.clone()));
        task.args = Json::parse(r#"{"a":[1,null,"x"]}"#).expect("JSON");
        task.context_id = Some("context".into());
        task.request_id = Some("request".into());
        task.priority = Priority::Low;
        task.delay = Duration::from_millis(1);
        task.expires_in = Some(Duration::from_millis(2));
        task.deadline_in = Some(Duration::MAX);
        task.retry = RetryPolicy { max_retries: 3, ..RetryPolicy::never() };
        task.awaited = true;
        task.parent = Some(TaskId::new());
        task.depth = 3;
        assert_eq!(decode_task(&encode_task(&task).expect("bytes")), Ok(task.clone()));
        let without = encode_task(&task).expect("bytes");
        task.limits = Some(Arc::new(Limits::default().with_max_operations(7)));
        let with = encode_task(&task).expect("bytes");
        assert_eq!(with[without.len()..], *b"\x14{\"max_operations\":7}", "its length and the JSON");
        assert_eq!(decode_task(&with), Ok(task));
        assert!(matches!(decode_task(&with[..with.len() - 1]), Err(WireError::Corrupted(_))));
    }

    #[test]
    fn an_end_comes_back_as_it_was() {
        let mut log = TaskLog::new();
        log.push(LogLevel::Debug, "line", 1_000);
        let error = TaskError::new(TaskErrorKind::Limit, "too much").at(Some(1), None);
        let json = Json::parse("[1]").expect("JSON");
        for outcome in [
            Outcome::Completed(json.into()),
            Outcome::Error(error),
            Outcome::Cancelled(CancelReason::Expired),
        ] {
            let ended = Ended {
                task: TaskId::new(),
                outcome,
                log: log.clone(),
                instance: InstanceId::new(),
                delivery: 2,
                attempt: 1,
                deaths: 0,
                started_at: WallTime::from_millis(7),
            };
            let back = decode_ended(&encode_ended(&ended).expect("bytes")).expect("an end");
            assert_eq!(back.log.lines(), ended.log.lines());
            assert_eq!(Ended { log: TaskLog::new(), ..back }, Ended { log: TaskLog::new(), ..ended });
        }
    }

    #[test]
    fn other_versions_and_rubbish_are_told_apart() {
        assert_eq!(decode_task(&[]), Err(WireError::Empty));
        assert_eq!(decode_task(&[2, 0, 0]), Err(WireError::Version(2)));
        assert!(matches!(decode_task(&[VERSION, 1, 2]), Err(WireError::Corrupted(_))));
    }
}
