use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::args::Args;
use crate::dispatcher::Dispatcher;
use crate::dispatcher::config::label;
use crate::{
    Invalid, Limits, MethodName, Priority, RetryPolicy, Task, TaskId, Tick, TraceContext, WorkerId,
    script_text,
};

/// A request to run a script or to call a method, as it is put together.
///
/// A setter that is given a bad value remembers it; the first one is returned by the call that
/// would have queued the task, before anything is queued.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is submitted"]
pub struct PlayRequestBuilder {
    pub(super) dispatcher: Dispatcher,
    /// In a box, since each setter moves the builder, and so does each future that it gets into.
    pub(super) fields: Box<Fields>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub(super) task_id: Option<TaskId>,
    pub(super) worker_id: Option<WorkerId>,
    pub(super) script: Option<Arc<str>>,
    pub(super) script_path: Option<PathBuf>,
    pub(super) script_name: Option<Arc<str>>,
    pub(super) method: Option<MethodName>,
    pub(super) args: Args,
    pub(super) context_id: Option<Arc<str>>,
    pub(super) request_id: Option<Arc<str>>,
    pub(super) parent: Option<Parent>,
    pub(super) timeout: Option<Duration>,
    pub(super) no_timeout: bool,
    pub(super) keep_on_timeout: bool,
    pub(super) priority: Priority,
    pub(super) delay: Duration,
    pub(super) expires_in: Option<Duration>,
    pub(super) deadline_in: Option<Duration>,
    pub(super) retry: RetryPolicy,
    pub(super) limits: Option<Arc<Limits>>,
    /// The trace that was set.
    pub(super) trace: Option<Arc<TraceContext>>,
    /// The trace of the caller or parent, if none is set.
    pub(super) inherited_trace: Option<Arc<TraceContext>>,
    /// Whether its caller waits for the outcome.
    pub(super) awaited: bool,
    /// When it ends by itself, since its caller would have withdrawn it by then.
    pub(super) withdrawn_by: Option<Tick>,
    /// The first bad value.
    pub(super) invalid: Option<Invalid>,
}

/// What a request has of the task that makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent {
    pub(super) id: TaskId,
    pub(super) depth: u32,
    /// When it has to be over, by the clock of the dispatcher's transport.
    pub(super) deadline: Option<Tick>,
}

impl Dispatcher {
    /// Begins a request to run a script.
    pub fn new_play_request(&self) -> PlayRequestBuilder {
        let fields = Box::new(Fields { inherited_trace: self.active_trace(), ..Fields::default() });
        PlayRequestBuilder { dispatcher: self.clone(), fields }
    }

    /// Begins a request to call a method: `client.call("billing.charge").arg("cents", 500)`. Without a
    /// [`worker_id`](PlayRequestBuilder::worker_id) it goes to the one whose living instances have the method; if several
    /// have it, the request is refused.
    pub fn call(&self, method: impl Into<Arc<str>>) -> PlayRequestBuilder {
        self.new_play_request().method(method)
    }
}

impl PlayRequestBuilder {
    /// The id of the task. Default: a new one. A caller that chooses it can cancel or read the
    /// task before [`await_response`](Self::await_response) has answered.
    pub fn task_id(mut self, task_id: TaskId) -> Self {
        self.fields.task_id = Some(task_id);
        self
    }

    /// The queue to submit to. Required for a script. A call without it is submitted to the worker id whose living
    /// instances have the method, as they announced it at most 1 s before.
    pub fn worker_id(mut self, worker_id: impl Into<Arc<str>>) -> Self {
        self.fields.worker_id = self.take(WorkerId::try_from(worker_id.into()));
        self
    }

    /// The text of the script, without a byte order mark or a first line of `#!`. This or
    /// [`script_path`](Self::script_path) is required.
    pub fn script(mut self, script: impl Into<Arc<str>>) -> Self {
        let script = script.into();
        let text = script_text(&script);
        let is_the_same = matches!(&text, Cow::Borrowed(text) if text.len() == script.len());
        let other = (!is_the_same).then(|| text.into());
        self.fields.script = Some(other.unwrap_or(script));
        self
    }

    /// The file to read the script from, when the request is submitted; a regular file. It is read on a thread of
    /// the dispatcher's.
    pub fn script_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.fields.script_path = Some(path.into());
        self
    }

    /// What to call the script in messages and in the record. Default: its path, if it has one.
    pub fn script_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.fields.script_name = Some(name.into());
        self
    }

    /// The method to call, such as `billing.charge`, instead of a script; see [`Dispatcher::call`].
    pub fn method(mut self, method: impl Into<Arc<str>>) -> Self {
        self.fields.method = self.take(MethodName::try_from(method.into()));
        self
    }

    /// One argument, which the script sees as `args.key`; one parameter of a method, by its name.
    ///
    /// Integers that do not fit into `i64`, and floats that are not finite, are refused: they would arrive changed.
    pub fn arg(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let added = self.fields.args.add(key.into(), &value);
        self.take(added);
        self
    }

    /// All arguments at once: something that serializes to a JSON object. Replaces earlier ones.
    pub fn args(mut self, args: impl Serialize) -> Self {
        if let Some(args) = self.take(Args::named(&args)) {
            self.fields.args = args;
        }
        self
    }

    /// All parameters of a method at once: something that serializes to a JSON object, which has them by name, or to
    /// an array, which has them by position. Any other value is one parameter. Replaces earlier ones.
    pub fn params(mut self, params: impl Serialize) -> Self {
        if let Some(params) = self.take(Args::any(&params)) {
            self.fields.args = params;
        }
        self
    }

    /// The context of the request, such as its user; the script sees it as `context_id`.
    pub fn context_id(mut self, context_id: impl Into<Arc<str>>) -> Self {
        self.fields.context_id = self.take(label("context_id", context_id.into()));
        self
    }

    /// Makes the request idempotent: as long as the record of its first task lives, the same
    /// request under the same id joins that task.
    pub fn request_id(mut self, request_id: impl Into<Arc<str>>) -> Self {
        self.fields.request_id = self.take(label("request_id", request_id.into()));
        self
    }

    /// Makes it a child of `parent`, the task that dispatches it: it is listed in its record, ends when the
    /// time that its parent has left is over, and is cancelled with it. It belongs to the trace of its parent.
    pub fn child_of(mut self, parent: &Task, time_left: Option<Duration>) -> Self {
        let Task { id, depth, .. } = *parent;
        let deadline = time_left.map(|time_left| self.dispatcher.clock().now() + time_left);
        let max = self.dispatcher.config().max_depth;
        if depth >= max {
            let problem = format!("task {id} has {depth} tasks above it, and the limit is {max} (max_depth)");
            self.refuse(
                "parent",
                problem,
                "dispatch from a task further up, or raise max_depth of the dispatcher",
            );
        }
        self.fields.parent = Some(Parent { id, depth, deadline });
        if let Some(trace) = &parent.trace {
            self.fields.inherited_trace = Some(Arc::clone(trace));
        }
        self
    }

    /// How long [`await_response`](Self::await_response) waits; above zero. Default: that of the dispatcher's
    /// configuration, 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.fields.timeout = self.above_zero("timeout", timeout);
        self.fields.no_timeout = false;
        self
    }

    /// Lets [`await_response`](Self::await_response) wait for as long as the task takes. It has no deadline
    /// then but its own, by [`deadline_in`](Self::deadline_in), and its parent's.
    pub fn without_timeout(mut self) -> Self {
        self.fields.timeout = None;
        self.fields.no_timeout = true;
        self
    }

    /// Keeps the task when [`await_response`](Self::await_response) has timed out: it still waits, or runs.
    pub fn keep_on_timeout(mut self) -> Self {
        self.fields.keep_on_timeout = true;
        self
    }

    /// How soon it is claimed beside others.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.fields.priority = priority;
        self
    }

    /// How long it waits before it may be claimed.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.fields.delay = delay;
        self
    }

    /// How long it may wait to be started, from now; above zero.
    pub fn expires_in(mut self, expires_in: Duration) -> Self {
        self.fields.expires_in = self.above_zero("expires_in", expires_in);
        self
    }

    /// How long it may take from now on, in the queue and running; then it is stopped, and all that it
    /// dispatched; above zero. [`await_response`](Self::await_response) sets it by itself.
    pub fn deadline_in(mut self, deadline_in: Duration) -> Self {
        self.fields.deadline_in = self.above_zero("deadline_in", deadline_in);
        self
    }

    /// How often it is tried again after an error of the run. Default: never.
    pub fn retries(mut self, retries: u32) -> Self {
        self.fields.retry.max_retries = retries;
        self
    }

    /// The wait before the first retry, which doubles up to `max`; above zero.
    pub fn backoff(mut self, first: Duration, max: Duration) -> Self {
        if let Some(first) = self.above_zero("backoff", first) {
            self.fields.retry.first_backoff = first;
            self.fields.retry.max_backoff = max.max(first);
        }
        self
    }

    /// Lowers limits of its worker for this task; each above zero. One above the worker's own changes
    /// nothing. What it dispatches has limits of its own.
    pub fn limits(mut self, limits: Limits) -> Self {
        let limits = self.take(limits.check().map(|()| limits));
        self.fields.limits = limits.filter(|limits| !limits.is_empty()).map(Arc::new);
        self
    }

    /// The trace that it belongs to: the value of a `traceparent` header of the W3C trace context, such as
    /// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. Default: the trace of its parent, if it has one, else
    /// that of the caller, if the dispatcher has a [`TraceSource`](crate::TraceSource).
    pub fn traceparent(mut self, traceparent: &str) -> Self {
        self.fields.trace = self.take(traceparent.parse().map(Arc::new));
        self
    }

    /// The same, with the state that belongs to it.
    pub fn trace_context(mut self, trace: impl Into<Arc<TraceContext>>) -> Self {
        self.fields.trace = Some(trace.into());
        self
    }

    fn above_zero(&mut self, field: &'static str, duration: Duration) -> Option<Duration> {
        if duration.is_zero() {
            self.refuse(field, "is zero".to_owned(), "give a duration above zero, such as 5 seconds");
            return None;
        }
        Some(duration)
    }

    fn take<T>(&mut self, value: Result<T, Invalid>) -> Option<T> {
        value.map_err(|invalid| self.fields.invalid.get_or_insert(invalid)).ok()
    }

    fn refuse(&mut self, field: &'static str, problem: String, hint: &'static str) {
        self.fields.invalid.get_or_insert_with(|| Invalid::new(field, problem, hint));
    }
}
