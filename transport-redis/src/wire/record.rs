//! The record of a task as a hash: its fields, and back.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rhai_dispatcher_core::{
    InstanceId, Json, Outcome, Payload, Priority, Task, TaskDetails, TaskError, TaskId, TaskLog, TaskStatus,
    TraceContext, WallTime, WorkerId,
};

use super::task_end::error_kind;
use crate::client::ServerReply;
use crate::script::Packed;

/// Appends the fields that a submit writes, but for those that its script knows: status, worker id and times.
pub(crate) fn push_submitted(packed: &mut Packed, task: &Task, reply_to: Option<&Bytes>) {
    // These two in front, where the script looks for them.
    if let Some(parent) = task.parent {
        packed.push("parent").push_display(parent);
    }
    if let (Some(request), Some(key)) = (&task.request_id, request_key(task)) {
        packed.push("request_key").push(key).push("request_id").push(&**request);
    }
    // What a finish reads, where Redis finds it first.
    if let Some(inbox) = reply_to {
        packed.push("reply_to").push(inbox);
    }
    packed.push("caller_id").push(&*task.caller_id);
    if let Some(source) = task.payload.source() {
        packed.push("script").push(&**source);
    }
    if let Some(name) = task.payload.name() {
        packed.push("script_name").push(name);
    }
    if let Some(method) = task.payload.method() {
        packed.push("method").push(method.as_str());
    }
    if !task.args.is_null() {
        packed.push("args").push(task.args.as_str());
    }
    // Limits always have a JSON form.
    if let Some(limits) = &task.limits
        && let Ok(limits) = Json::of(&**limits)
    {
        packed.push("limits").push(limits.as_str());
    }
    if let Some(trace) = &task.trace {
        packed.push("traceparent").push(trace.traceparent());
        if let Some(state) = trace.tracestate() {
            packed.push("tracestate").push(state);
        }
    }
    if task.priority != Priority::Normal {
        packed.push("priority").push(task.priority.as_str());
    }
    if let Some(context) = &task.context_id {
        packed.push("context_id").push(&**context);
    }
    if !task.delay.is_zero() || task.request_id.is_some() {
        packed.push("more").push("1");
    }
}

/// What a request id is unique within, besides its worker id: the caller. The length keeps a
/// caller's id from running into the request's.
fn request_key(task: &Task) -> Option<String> {
    let request = task.request_id.as_ref()?;
    Some(format!("{}:{}{request}", task.caller_id.len(), task.caller_id))
}

/// Appends the status of an outcome, then its fields.
pub(crate) fn push_outcome(packed: &mut Packed, outcome: &Outcome, log: &TaskLog) {
    packed.push(outcome.status().as_str());
    match outcome {
        Outcome::Completed(output) => {
            packed.push("output").push(output.as_json().as_str());
        }
        Outcome::Error(error) => push_error(packed, error),
        Outcome::Cancelled(reason) => {
            packed.push("cancel_reason").push(reason.as_str());
        }
    }
    // A log is a list of lines, which always has a JSON form.
    if !log.is_empty()
        && let Ok(log) = serde_json::to_string(log)
    {
        packed.push("log").push(log);
    }
}

/// Appends the fields of an error.
pub(crate) fn push_error(packed: &mut Packed, error: &TaskError) {
    packed.push("error_kind").push(error.kind.as_str());
    packed.push("error").push(&error.message);
    if let Some(line) = error.line {
        packed.push("error_line").push_display(line);
    }
    if let Some(column) = error.column {
        packed.push("error_column").push_display(column);
    }
    if let Some(value) = &error.value {
        packed.push("error_value").push(value.as_str());
    }
}

/// The answer to an HGETALL as a record.
pub(crate) fn parse(id: TaskId, reply: ServerReply) -> Result<Option<TaskDetails>, String> {
    match reply.as_str() {
        Some(problem) => Err(problem.to_owned()),
        None => parse_values(id, reply.into_array()),
    }
}

/// The fields and values of a hash as a record; none if there are none.
pub(crate) fn parse_values(id: TaskId, values: Vec<ServerReply>) -> Result<Option<TaskDetails>, String> {
    let mut fields = HashMap::new();
    let mut values = values.into_iter();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        if let (Some(name), Some(value)) = (name.as_bytes(), value.as_str()) {
            fields.insert(name.clone(), value.to_owned());
        }
    }
    if fields.is_empty() {
        return Ok(None);
    }
    let details = Fields(fields).details(id);
    details.map(Some).ok_or_else(|| format!("the hash of task {id} is not a record"))
}

/// The instance of a claim (none after a release), the start count and the time of the last start.
pub(super) fn parse_claim(claim: &str) -> (Option<InstanceId>, u32, Option<WallTime>) {
    let mut fields = claim.split(' ');
    let instance = fields.next().and_then(|id| id.parse().ok());
    let delivery = fields.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let started_at = fields.next().and_then(|time| time.parse().ok()).map(WallTime::from_millis);
    (instance, delivery, started_at)
}

struct Fields(HashMap<Bytes, String>);

impl Fields {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name.as_bytes()).map(String::as_str)
    }

    fn shared(&self, name: &str) -> Option<Arc<str>> {
        self.text(name).map(Arc::from)
    }

    fn parse<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    fn time(&self, name: &str) -> Option<WallTime> {
        self.parse(name).map(WallTime::from_millis)
    }

    fn details(&self, id: TaskId) -> Option<TaskDetails> {
        let worker_id: WorkerId = self.parse("worker_id")?;
        let payload = match self.parse("method") {
            Some(method) => Payload::Call { method },
            None => Payload::Script { source: self.shared("script")?, name: self.shared("script_name") },
        };
        let mut task = Task::new(worker_id, payload, self.shared("caller_id").unwrap_or_default());
        task.id = id;
        task.args = self.text("args").and_then(|args| Json::parse(args).ok()).unwrap_or_default();
        task.limits = self.text("limits").and_then(|text| serde_json::from_str(text).ok());
        task.trace = self.trace().map(Arc::new);
        task.context_id = self.shared("context_id");
        task.request_id = self.shared("request_id");
        task.parent = self.parse("parent");
        task.priority = self.parse("priority").unwrap_or_default();
        let created_at = self.time("created_at").unwrap_or(WallTime::from_millis(0));
        let mut details = TaskDetails::accepted(&task, created_at);
        details.run_at = self.time("run_at");
        if let Some(children) = self.text("child_ids") {
            details.children = children.split_whitespace().filter_map(|id| id.parse().ok()).collect();
        }
        details.status = self.parse_status()?;
        (details.instance, details.delivery, details.started_at) =
            parse_claim(self.text("claim").unwrap_or_default());
        // A start does not write it: it is the last of all times.
        let updated = [self.time("updated_at"), details.started_at, Some(created_at)];
        details.updated_at = updated.into_iter().flatten().max().unwrap_or(created_at);
        details.attempt = self.parse("attempt").unwrap_or(0);
        details.deaths = self.parse("deaths").unwrap_or(0);
        details.output = self.text("output").and_then(|text| Json::parse(text).ok()).map(Into::into);
        details.cancel_reason = self.parse("cancel_reason");
        details.log = self.text("log").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if let Some(message) = self.text("error") {
            let kind = error_kind(self.text("error_kind").unwrap_or_default());
            let (line, column) = (self.parse("error_line"), self.parse("error_column"));
            let value = self.text("error_value").and_then(|text| Json::parse(text).ok());
            details.error = Some(TaskError::new(kind, message).at(line, column).with_value(value));
        }
        Some(details)
    }

    fn trace(&self) -> Option<TraceContext> {
        TraceContext::from_headers(self.text("traceparent")?, self.text("tracestate"))
    }

    fn parse_status(&self) -> Option<TaskStatus> {
        self.parse("status")
    }
}
