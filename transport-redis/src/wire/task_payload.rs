use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{
    Invalid, Json, Limits, MethodName, Payload, Priority, RetryPolicy, Task, TaskId, TraceContext, WorkerId,
};
use serde::{Deserialize, Serialize};

use super::encoding::{WireError, corrupted, decode, encode};

#[derive(Serialize, Deserialize)]
enum PayloadV1 {
    Script { source: Arc<str>, name: Option<Arc<str>> },
    Call { method: MethodName },
}

#[derive(Serialize, Deserialize)]
struct TaskV1 {
    id: TaskId,
    worker_id: WorkerId,
    payload: PayloadV1,
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

/// A trace context, as the headers of the W3C.
#[derive(Serialize, Deserialize)]
struct TraceV1<'a> {
    traceparent: String,
    tracestate: Option<&'a str>,
}

impl TraceV1<'_> {
    /// A task runs without its trace, so one that can't be read is left out.
    fn read(&self) -> Option<TraceContext> {
        TraceContext::from_headers(&self.traceparent, self.tracestate)
    }
}

pub(crate) fn encode_task(task: &Task) -> Result<Vec<u8>, Invalid> {
    let payload = match &task.payload {
        Payload::Script { source, name } => {
            PayloadV1::Script { source: Arc::clone(source), name: name.clone() }
        }
        Payload::Call { method } => PayloadV1::Call { method: method.clone() },
        _ => {
            let problem = "is of a sort that Redis does not carry";
            return Err(Invalid::new("payload", problem, "send a script or a call"));
        }
    };
    let encoded = encode(&TaskV1 {
        id: task.id,
        worker_id: task.worker_id.clone(),
        payload,
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
    // Behind the struct, so that a task without any pays nothing. A trace comes behind limits, which may have none.
    let encoded = match (&task.limits, &task.trace) {
        (Some(limits), _) => encoded.and_then(|bytes| postcard::to_extend(&**limits, bytes)),
        (None, Some(_)) => encoded.and_then(|bytes| postcard::to_extend(&Limits::default(), bytes)),
        (None, None) => encoded,
    };
    let encoded = match &task.trace {
        Some(trace) => {
            let headers = TraceV1 { traceparent: trace.traceparent(), tracestate: trace.tracestate() };
            encoded.and_then(|bytes| postcard::to_extend(&headers, bytes))
        }
        None => encoded,
    };
    encoded.map_err(|problem| Invalid::new("task", problem.to_string(), "send a smaller one"))
}

pub(crate) fn decode_task(bytes: &[u8]) -> Result<Task, WireError> {
    let (wire, rest): (TaskV1, _) = decode(bytes)?;
    let (limits, rest) = match rest {
        [] => (Limits::default(), rest),
        rest => postcard::take_from_bytes::<Limits>(rest).map_err(corrupted)?,
    };
    let trace = match rest {
        [] => None,
        rest => postcard::from_bytes::<TraceV1<'_>>(rest).map_err(corrupted)?.read(),
    };
    let priority = Priority::ALL.get(usize::from(wire.priority)).copied();
    let payload = match wire.payload {
        PayloadV1::Script { source, name } => Payload::Script { source, name },
        PayloadV1::Call { method } => Payload::Call { method },
    };
    let mut task = Task::new(wire.worker_id, payload, wire.caller_id);
    task.id = wire.id;
    task.args = wire.args;
    task.context_id = wire.context_id;
    task.request_id = wire.request_id;
    task.priority = priority.ok_or_else(|| WireError::Corrupted(format!("priority {}", wire.priority)))?;
    task.delay = wire.delay;
    task.expires_in = wire.expires_in;
    task.deadline_in = wire.deadline_in;
    task.retry = RetryPolicy::never()
        .with_max_retries(wire.max_retries)
        .with_first_backoff(wire.first_backoff)
        .with_max_backoff(wire.max_backoff);
    task.awaited = wire.awaited;
    task.parent = wire.parent;
    task.depth = wire.depth;
    task.limits = (!limits.is_empty()).then(|| Arc::new(limits));
    task.trace = trace.map(Arc::new);
    Ok(task)
}

#[cfg(test)]
mod tests {
    use super::super::encoding::VERSION;
    use super::*;

    #[test]
    fn a_task_comes_back_as_it_was() {
        let worker_id = WorkerId::try_from("worker-1").expect("a name");
        let payload = Payload::Script { source: "40 + 2".into(), name: Some("a.rhai".into()) };
        let mut task = Task::new(worker_id, payload, "caller");
        assert_eq!(decode_task(&encode_task(&task).expect("bytes")), Ok(task.clone()));
        let method = MethodName::try_from("billing.charge").expect("a name");
        let call = Task { payload: Payload::Call { method }, ..task.clone() };
        assert_eq!(decode_task(&encode_task(&call).expect("bytes")), Ok(call));
        task.args = Json::parse(r#"{"a":[1,null,"x"]}"#).expect("JSON");
        task.context_id = Some("context".into());
        task.request_id = Some("request".into());
        task.priority = Priority::Low;
        task.delay = Duration::from_millis(1);
        task.expires_in = Some(Duration::from_millis(2));
        task.deadline_in = Some(Duration::MAX);
        task.retry = RetryPolicy::never().with_max_retries(3);
        task.awaited = true;
        task.parent = Some(TaskId::new());
        task.depth = 3;
        assert_eq!(decode_task(&encode_task(&task).expect("bytes")), Ok(task.clone()));
        let without = encode_task(&task).expect("bytes");
        task.limits = Some(Arc::new(Limits::default().with_max_operations(7)));
        let with = encode_task(&task).expect("bytes");
        assert_eq!(with[without.len()..], *b"\x14{\"max_operations\":7}", "its length and the JSON");
        assert_eq!(decode_task(&with), Ok(task.clone()));
        assert!(matches!(decode_task(&with[..with.len() - 1]), Err(WireError::Corrupted(_))));

        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace: TraceContext = traceparent.parse().expect("a context");
        task.trace = Some(Arc::new(trace.clone()));
        let traced = encode_task(&task).expect("bytes");
        assert_eq!(traced[with.len()..], [&[55], traceparent.as_bytes(), &[0]].concat(), "no state");
        assert_eq!(decode_task(&traced), Ok(task.clone()));
        task.limits = None;
        task.trace = Some(Arc::new(trace.with_tracestate("a=1").expect("a state")));
        let traced = encode_task(&task).expect("bytes");
        assert_eq!(traced[without.len()..without.len() + 3], *b"\x02{}", "limits of which none is set");
        assert_eq!(decode_task(&traced), Ok(task));
    }

    #[test]
    fn other_versions_and_rubbish_are_told_apart() {
        assert_eq!(decode_task(&[]), Err(WireError::Empty));
        assert_eq!(decode_task(&[2, 0, 0]), Err(WireError::Version(2)));
        assert!(matches!(decode_task(&[VERSION, 1, 2]), Err(WireError::Corrupted(_))));
    }
}
