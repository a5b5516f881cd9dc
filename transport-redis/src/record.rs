//! The record of a task as a hash: its fields, and back.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rhai_dispatcher_core::{
    Json, Outcome, Payload, Priority, Task, TaskDetails, TaskError, TaskId, TaskLog, TaskStatus, WallTime,
    WorkerId,
};

use crate::args::Args;
use crate::client::Reply;
use crate::wire;

/// The fields that a submit writes, but for those that its script knows: status, worker id and time.
pub(crate) fn submitted(task: &Task, reply_to: Option<&Bytes>) -> Args {
    let mut args = Args::new();
    // What a finish reads stands in front, where Redis finds it first.
    if let Some(inbox) = reply_to {
        args.push_static("reply_to").push(inbox.clone());
    }
    args.push_static("caller_id").push_copy(&task.caller_id);
    args.push_static("script").push_copy(task.payload.source());
    if let Some(name) = task.payload.name() {
        args.push_static("script_name").push_copy(name);
    }
    if !task.args.is_null() {
        args.push_static("args").push_copy(task.args.as_str());
    }
    if task.priority != Priority::Normal {
        args.push_static("priority").push_static(task.priority.as_str());
    }
    if let Some(context) = &task.context_id {
        args.push_static("context_id").push_copy(context);
    }
    if let Some(parent) = task.parent {
        args.push_static("parent").push_display(parent);
    }
    if let Some(run_at) = task.run_at {
        args.push_static("run_at").push_display(run_at.as_millis());
    }
    if let Some(latest) = task.latest_start() {
        args.push_static("expires_at").push_display(latest.as_millis());
    }
    if let Some(request) = &task.request_id {
        args.push_static("request_id").push_copy(request);
        args.push_static("request_key").push(request_key(task));
    }
    if task.run_at.is_some() || task.request_id.is_some() {
        args.push_static("more").push_static("1");
    }
    args
}

/// What a request id is unique within, besides its worker id: the caller. The length keeps a
/// caller's id from running into the request's.
pub(crate) fn request_key(task: &Task) -> Bytes {
    match &task.request_id {
        Some(request) => format!("{}:{}{request}", task.caller_id.len(), task.caller_id).into(),
        None => Bytes::new(),
    }
}

/// The fields of an outcome.
pub(crate) fn outcome(outcome: &Outcome, log: &TaskLog) -> Args {
    let mut args = Args::new();
    args.push_static("status").push_static(outcome.status().as_str());
    match outcome {
        Outcome::Completed(output) => {
            args.push_static("output").push_copy(output.as_json().as_str());
        }
        Outcome::Error(problem) => {
            args.extend(error(problem));
        }
        Outcome::Cancelled(reason) => {
            args.push_static("cancel_reason").push_static(reason.as_str());
        }
    }
    // A log is a list of lines, which always has a JSON form.
    if !log.is_empty()
        && let Ok(log) = serde_json::to_string(log)
    {
        args.push_static("log").push(log);
    }
    args
}

/// The fields of an error.
pub(crate) fn error(error: &TaskError) -> Args {
    let mut args = Args::new();
    args.push_static("error_kind").push_static(error.kind.as_str());
    args.push_static("error").push_copy(&error.message);
    if let Some(line) = error.line {
        args.push_static("error_line").push_display(line);
    }
    if let Some(column) = error.column {
        args.push_static("error_column").push_display(column);
    }
    args
}

/// The answer to an HGETALL as a record, and the time from which on it is not started any more.
pub(crate) fn parse(id: TaskId, reply: Reply) -> Result<Option<(TaskDetails, Option<WallTime>)>, String> {
    if let Some(problem) = reply.as_str() {
        return Err(problem.to_owned());
    }
    let mut fields = HashMap::new();
    let mut values = reply.into_array().into_iter();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        if let (Some(name), Some(value)) = (name.as_bytes(), value.as_str()) {
            fields.insert(name.clone(), value.to_owned());
        }
    }
    if fields.is_empty() {
        return Ok(None);
    }
    let record = Fields(fields);
    let latest = record.time("expires_at");
    record
        .details(id)
        .map(|details| Some((details, latest)))
        .ok_or_else(|| format!("the hash of task {id} is not a record"))
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
        let payload = Payload::Script { source: self.shared("script")?, name: self.shared("script_name") };
        let mut task = Task::new(worker_id, payload, self.shared("caller_id").unwrap_or_default());
        task.id = id;
        task.args = self.text("args").and_then(|args| Json::parse(args).ok()).unwrap_or_default();
        task.context_id = self.shared("context_id");
        task.request_id = self.shared("request_id");
        task.parent = self.parse("parent");
        task.priority = self.parse("priority").unwrap_or_default();
        task.run_at = self.time("run_at");
        let created_at = self.time("created_at").unwrap_or(WallTime::from_millis(0));
        let mut details = TaskDetails::accepted(&task, created_at);
        if let Some(children) = self.text("child_ids") {
            details.children = children.split_whitespace().filter_map(|id| id.parse().ok()).collect();
        }
        details.status = self.parse_status()?;
        details.started_at = self.time("started_at");
        // A start does not write it: it is the last of all times.
        let updated = [self.time("updated_at"), details.started_at, Some(created_at)];
        details.updated_at = updated.into_iter().flatten().max().unwrap_or(created_at);
        details.delivery = self.parse("delivery").unwrap_or(0);
        details.attempt = self.parse("attempt").unwrap_or(0);
        details.deaths = self.parse("deaths").unwrap_or(0);
        details.instance = self.parse("instance");
        details.output = self.text("output").and_then(|text| Json::parse(text).ok()).map(Into::into);
        details.cancel_reason = self.parse("cancel_reason");
        details.log = self.text("log").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if let Some(message) = self.text("error") {
            let kind = wire::error_kind(self.text("error_kind").unwrap_or_default());
            let (line, column) = (self.parse("error_line"), self.parse("error_column"));
            details.error = Some(TaskError::new(kind, message).at(line, column));
        }
        Some(details)
    }

    fn parse_status(&self) -> Option<TaskStatus> {
        self.parse("status")
    }
}
