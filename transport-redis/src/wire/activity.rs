//! Entries of the activity: those of an instance in binary form, and those of scripts as JSON.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{
    ActivityEntry, ActivityError, CancelReason, EndedRun, InstanceId, MethodName, TaskId, TaskStatus, Tick,
    WallTime, WorkerId,
};
use serde::{Deserialize, Serialize};

use super::encoding::{WireError, decode, encode};
use super::last_text::LastText;
use super::task_end::error_kind;

#[derive(Serialize, Deserialize)]
struct BatchV1<'a> {
    instance: InstanceId,
    #[serde(borrow)]
    entries: Vec<EntryV1<'a>>,
}

#[derive(Serialize, Deserialize)]
struct EntryV1<'a> {
    task: TaskId,
    #[serde(borrow)]
    method: Option<&'a str>,
    script_name: Option<&'a str>,
    caller: &'a str,
    context: Option<&'a str>,
    parent: Option<TaskId>,
    /// Its place in [`TaskStatus::ALL`].
    status: u8,
    delivery: u32,
    attempt: u32,
    /// How many ms before the batch was made it ended.
    ended_before: u32,
    queue_micros: Option<u64>,
    run_micros: u64,
    reason: Option<&'a str>,
    error: Option<ErrorV1<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ErrorV1<'a> {
    kind: &'a str,
    message: &'a str,
    line: Option<u32>,
}

/// Encodes runs of `instance`, at the time `made_at`.
pub(crate) fn encode_runs(runs: &[EndedRun], instance: InstanceId, made_at: Tick) -> Vec<u8> {
    let entries = runs.iter().map(|run| entry_of(run, made_at)).collect();
    // Ids, numbers and texts always have this form.
    encode(&BatchV1 { instance, entries }).unwrap_or_default()
}

/// Decodes them, if that time was `made_at` by the server's clock.
pub(crate) fn decode_runs(
    bytes: &[u8],
    worker_id: &WorkerId,
    made_at: WallTime,
) -> Result<Vec<ActivityEntry>, WireError> {
    let (batch, _): (BatchV1<'_>, _) = decode(bytes)?;
    let (mut callers, mut contexts, mut script_names) =
        (LastText::default(), LastText::default(), LastText::default());
    let mut last_method: Option<MethodName> = None;
    let entry = |wire: EntryV1<'_>| {
        let status = *TaskStatus::ALL.get(usize::from(wire.status))?;
        let ended_at = WallTime::from_millis(made_at.as_millis().saturating_sub(wire.ended_before.into()));
        let caller = callers.share(wire.caller);
        let mut entry = ActivityEntry::new(wire.task, worker_id.clone(), caller, status, ended_at);
        entry.method = wire.method.and_then(|name| {
            if last_method.as_ref().is_none_or(|last| last.as_str() != name) {
                last_method = name.parse().ok();
            }
            last_method.clone()
        });
        entry.script_name = wire.script_name.map(|name| script_names.share(name));
        entry.context_id = wire.context.map(|context| contexts.share(context));
        entry.parent = wire.parent;
        entry.delivery = wire.delivery;
        entry.attempt = wire.attempt;
        entry.instance = Some(batch.instance);
        entry.queue_time = wire.queue_micros.map(Duration::from_micros);
        entry.run_time = Some(Duration::from_micros(wire.run_micros));
        entry.cancel_reason = wire.reason.and_then(|reason| reason.parse().ok());
        entry.error = wire
            .error
            .map(|error| ActivityError::new(error_kind(error.kind), error.message.to_owned(), error.line));
        Some(entry)
    };
    Ok(batch.entries.into_iter().filter_map(entry).collect())
}

fn entry_of(run: &EndedRun, made_at: Tick) -> EntryV1<'_> {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let task = &run.task;
    EntryV1 {
        task: task.id,
        method: task.payload.method().map(MethodName::as_str),
        script_name: task.payload.name(),
        caller: &task.caller_id,
        context: task.context_id.as_deref(),
        parent: task.parent,
        status: run.status as u8,
        delivery: run.claim.delivery,
        attempt: run.attempt,
        ended_before: u32::try_from((made_at - run.ended_at).as_millis()).unwrap_or(u32::MAX),
        queue_micros: run.queue_time.map(micros),
        run_micros: micros(run.run_time),
        reason: run.cancel_reason.map(CancelReason::as_str),
        error: run.error.as_ref().map(|error| ErrorV1 {
            kind: error.kind.as_str(),
            message: &error.message,
            line: error.line,
        }),
    }
}

/// What a script says of a task that has ended without a run.
#[derive(Deserialize)]
struct EndedWithoutRun<'a> {
    task: TaskId,
    status: TaskStatus,
    attempt: u32,
    delivery: u32,
    instance: Option<InstanceId>,
    #[serde(borrow)]
    caller: Cow<'a, str>,
    #[serde(borrow)]
    context: Option<Cow<'a, str>>,
    method: Option<MethodName>,
    #[serde(borrow)]
    script_name: Option<Cow<'a, str>>,
    parent: Option<TaskId>,
    cancel_reason: Option<CancelReason>,
    #[serde(borrow)]
    error_kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

/// Reads the entries of a script; none if they are not of this form.
pub(crate) fn decode_ends(json: &Bytes, worker_id: &WorkerId, ended_at: WallTime) -> Vec<ActivityEntry> {
    // A message that was cut may end within a character.
    let json = String::from_utf8_lossy(json);
    let ends: Vec<EndedWithoutRun<'_>> = serde_json::from_str(&json).unwrap_or_default();
    let entry = |end: EndedWithoutRun<'_>| {
        let mut entry = ActivityEntry::new(end.task, worker_id.clone(), end.caller, end.status, ended_at);
        entry.method = end.method;
        entry.script_name = end.script_name.map(Arc::from);
        entry.context_id = end.context.map(Arc::from);
        entry.parent = end.parent;
        entry.delivery = end.delivery;
        entry.attempt = end.attempt;
        entry.instance = end.instance;
        entry.cancel_reason = end.cancel_reason;
        let kind = end.error_kind.map(|kind| error_kind(&kind));
        entry.error = kind
            .map(|kind| ActivityError::new(kind, end.error.map(Cow::into_owned).unwrap_or_default(), None));
        entry
    };
    ends.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::{Claim, Clock, ManualClock, Payload, Task, TaskErrorKind};

    use super::*;

    #[test]
    fn runs_come_back_as_they_were() {
        let (clock, instance) = (ManualClock::new(), InstanceId::new());
        let worker_id = WorkerId::try_from("w").expect("an id");
        let mut task = Task::new(worker_id.clone(), Payload::script("1"), "caller");
        task.payload = Payload::Script { source: "1".into(), name: Some("a.rhai".into()) };
        (task.context_id, task.parent) = (Some("ctx".into()), Some(TaskId::new()));
        let plain = EndedRun {
            claim: Claim { task: task.id, instance, delivery: 3 },
            task: Arc::new(task),
            attempt: 1,
            status: TaskStatus::Completed,
            queue_time: None,
            run_time: Duration::from_micros(7),
            ended_at: clock.now(),
            cancel_reason: None,
            error: None,
        };
        let failed = EndedRun {
            status: TaskStatus::Error,
            queue_time: Some(Duration::from_micros(1_234)),
            error: Some(ActivityError::new(TaskErrorKind::Limit, "too ä".into(), Some(4))),
            ..plain.clone()
        };
        let cancelled = EndedRun {
            status: TaskStatus::Cancelled,
            cancel_reason: Some(CancelReason::Withdrawn),
            ..plain.clone()
        };
        let runs = [plain, failed, cancelled];
        clock.advance(Duration::from_millis(40));
        let bytes = encode_runs(&runs, instance, clock.now());
        let made_at = WallTime::from_millis(1_000_000);
        let expected: Vec<_> = runs.into_iter().map(|run| run.into_entry(clock.now(), made_at)).collect();
        assert_eq!(expected[0].ended_at, WallTime::from_millis(999_960));
        assert_eq!(decode_runs(&bytes, &worker_id, made_at), Ok(expected));
        assert_eq!(decode_runs(&[2, 0], &worker_id, made_at), Err(WireError::Version(2)));
        assert!(matches!(decode_runs(&bytes[..9], &worker_id, made_at), Err(WireError::Corrupted(_))));
    }

    #[test]
    fn what_is_not_an_entry_of_a_script_is_left_out() {
        let worker_id = WorkerId::try_from("w").expect("an id");
        let read = |json: &'static [u8]| {
            decode_ends(&Bytes::from_static(json), &worker_id, WallTime::from_millis(5))
        };
        assert_eq!(read(b"[{\"task\":1}]"), []);
        assert_eq!(read(b"{}"), []);
        let id = "8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90";
        let json = format!(
            r#"[{{"task":"{id}","status":"error","attempt":0,"delivery":2,"caller":"a\nb","error_kind":"crashed","error":"x"}}]"#
        );
        let entries = decode_ends(&json.into(), &worker_id, WallTime::from_millis(5));
        assert_eq!((entries[0].delivery, &*entries[0].caller_id), (2, "a\nb"));
        assert_eq!(entries[0].error, Some(ActivityError::new(TaskErrorKind::Crashed, "x".into(), None)));
    }
}
