use std::borrow::Cow;
use std::error::Error as StdError;
use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, BoxFuture, Either};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Dispatcher;
use super::config::label;
use crate::invalid::quoted;
use crate::{
    CancelReason, Cancelled, Error, Invalid, Json, Limits, Payload, Priority, RetryPolicy, Task, TaskDetails,
    TaskId, Tick, TransportExt, WorkerId, read_script, script_text,
};

/// A request to run a script, as it is put together.
///
/// A setter that is given a bad value remembers it; the first one is returned by the call that
/// would have queued the task, before anything is queued.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is submitted"]
pub struct PlayRequestBuilder {
    dispatcher: Dispatcher,
    /// In a box, since each setter moves the builder, and so does each future that it gets into.
    fields: Box<Fields>,
}

#[derive(Debug, Clone, Default)]
struct Fields {
    task_id: Option<TaskId>,
    worker_id: Option<WorkerId>,
    script: Option<Arc<str>>,
    script_path: Option<PathBuf>,
    script_name: Option<Arc<str>>,
    args: Map<String, Value>,
    context_id: Option<Arc<str>>,
    request_id: Option<Arc<str>>,
    parent: Option<Parent>,
    timeout: Option<Duration>,
    no_timeout: bool,
    keep_on_timeout: bool,
    priority: Priority,
    delay: Duration,
    expires_in: Option<Duration>,
    deadline_in: Option<Duration>,
    retry: RetryPolicy,
    limits: Option<Arc<Limits>>,
    /// The first bad value.
    invalid: Option<Invalid>,
}

/// What a request has of the task that makes it.
#[derive(Debug, Clone, Copy)]
struct Parent {
    id: TaskId,
    depth: u32,
    /// When it has to be over, by the clock of the dispatcher's transport.
    deadline: Option<Tick>,
}

/// How much later than its caller's timeout a task ends by itself. The caller, while it lives,
/// withdraws the task before that; a dead one needs no better.
const WITHDRAWAL_SLACK: Duration = Duration::from_millis(250);

/// How deep args may nest; below the depth at which JSON parsers give up, 128.
const MAX_ARGS_DEPTH: usize = 100;

/// How long a withdrawal may delay the report of a timeout.
const WITHDRAWAL_WAIT: Duration = Duration::from_millis(10);

impl PlayRequestBuilder {
    pub(super) fn new(dispatcher: Dispatcher) -> Self {
        Self { dispatcher, fields: Box::default() }
    }

    /// The id of the task. Default: a new one. Who chooses it can cancel or look up the task before
    /// [`await_response`](Self::await_response) has answered.
    pub fn task_id(mut self, task_id: TaskId) -> Self {
        self.fields.task_id = Some(task_id);
        self
    }

    /// The queue to submit to. Required.
    pub fn worker_id(mut self, worker_id: impl Into<Arc<str>>) -> Self {
        self.fields.worker_id = self.take(WorkerId::try_from(worker_id.into()));
        self
    }

    /// The text of the script; a byte order mark and a first line of `#!` are no part of it. Either this or [`script_path`](Self::script_path) is required.
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

    /// One argument, which the script sees as `args.key`.
    pub fn arg(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let key = key.into();
        match serde_json::to_value(value) {
            Ok(value) => {
                self.fields.args.insert(key, value);
            }
            Err(error) => self.refuse(
                "args",
                format!("{} has no JSON form: {error}", quoted(&key)),
                "pass something that serializes to JSON",
            ),
        }
        self
    }

    /// All arguments at once: something that serializes to a JSON object. Replaces earlier ones.
    pub fn args(mut self, args: impl Serialize) -> Self {
        match serde_json::to_value(args) {
            Ok(Value::Object(args)) => self.fields.args = args,
            Ok(_) => self.refuse(
                "args",
                "they are no JSON object".to_owned(),
                "pass a map or a struct, or use arg(key, value)",
            ),
            Err(error) => self.refuse(
                "args",
                format!("they have no JSON form: {error}"),
                "pass something that serializes to JSON",
            ),
        }
        self
    }

    /// On whose behalf; the script sees it as `context_id`.
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
    /// time that its parent has left is over, and is cancelled with it.
    pub fn child_of(mut self, parent: &Task, time_left: Option<Duration>) -> Self {
        let Task { id, depth, .. } = *parent;
        let deadline = time_left.map(|time_left| self.dispatcher.clock().now() + time_left);
        let max = self.dispatcher.config().max_depth;
        if depth >= max {
            let problem = format!("task {id} has {depth} tasks above it, and the limit is {max} (max_depth)");
            self.refuse("parent", problem, "dispatch from a task further up");
        }
        self.fields.parent = Some(Parent { id, depth, deadline });
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

    /// Lets the task go on when [`await_response`](Self::await_response) has timed out.
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
    /// dispatched; above zero. [`await_response`](Self::await_response) sees to it by itself.
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

    /// Queues the task and returns at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] and [`Error::Script`] before anything is queued; [`Error::QueueFull`],
    /// [`Error::RequestIdConflict`], [`Error::Unavailable`].
    pub async fn submit(self) -> Result<TaskId, Error> {
        let dispatcher = self.dispatcher.clone();
        let task = self.into_task().await?;
        Ok(dispatcher.transport().submit_one(task).await?.task_id())
    }

    /// Queues the task and waits for its outcome, whatever that is. When the timeout is over the
    /// task is withdrawn, unless [`keep_on_timeout`](Self::keep_on_timeout) says otherwise.
    ///
    /// # Errors
    /// Those of [`submit`](Self::submit), and [`Error::Timeout`], [`Error::Lost`].
    ///
    /// # Cancellation
    /// Dropping the future ends the wait and withdraws nothing; the task ends by itself soon after
    /// the timeout.
    pub async fn await_response(mut self) -> Result<TaskDetails, Error> {
        let dispatcher = self.dispatcher.clone();
        let keep = self.fields.keep_on_timeout;
        let default = dispatcher.config().default_timeout;
        let timeout =
            if self.fields.no_timeout { None } else { Some(self.fields.timeout.unwrap_or(default)) };
        let clock = dispatcher.clock();
        let end = timeout.map(|timeout| clock.now() + timeout);
        let mut timed_out = end.map_or_else(|| future::pending().boxed(), |end| clock.sleep_until(end));
        let own_id = *self.fields.task_id.get_or_insert_with(TaskId::new);

        let task = within(self.into_task(), &mut timed_out).await;
        let mut task = task.ok_or(Error::Timeout(own_id))??;
        task.awaited = true;
        if let (Some(end), false) = (end, keep) {
            task.ends_within((end - clock.now()).saturating_add(WITHDRAWAL_SLACK));
        }
        let submitted = within(dispatcher.transport().submit_one(task), &mut timed_out).await;
        let Some(submitted) = submitted else { return Err(never_accepted(&dispatcher, own_id)) };
        let id = submitted?.task_id();
        match dispatcher.outcome_until(id, timed_out).await {
            // A task that was joined belongs to somebody else.
            Err(Error::Timeout(_)) if !keep && id == own_id => Box::pin(withdraw(&dispatcher, id)).await,
            // The caller's thread was busy when its time was over, until the task had ended by that itself.
            Ok(details)
                if details.cancel_reason == Some(CancelReason::Expired)
                    && !keep
                    && end.is_some_and(|end| clock.now() >= end) =>
            {
                Err(Error::Timeout(id))
            }
            answer => answer,
        }
    }

    /// The task that this request asks for, once it is found good.
    async fn into_task(self) -> Result<Task, Error> {
        let dispatcher = self.dispatcher.clone();
        let task = self.into_unchecked_task().await?;
        dispatcher.check([&task.payload]).await?;
        Ok(task)
    }

    /// The same, before its payload is checked.
    pub(super) async fn into_unchecked_task(mut self) -> Result<Task, Error> {
        if let Some(invalid) = self.fields.invalid.take() {
            return Err(invalid.into());
        }
        let worker_id =
            self.fields.worker_id.take().ok_or_else(|| {
                Invalid::new("worker_id", "is missing", "name the queue with worker_id(...)")
            })?;
        let payload = self.payload().await?;
        let config = self.dispatcher.config();
        let mut task = Task::new(worker_id, payload, Arc::clone(&config.caller_id));
        if let Some(task_id) = self.fields.task_id {
            task.id = task_id;
        }
        if !self.fields.args.is_empty() {
            task.args = args(&self.fields.args, config.max_args_bytes)?;
        }
        task.context_id = self.fields.context_id;
        task.request_id = self.fields.request_id;
        if let Some(parent) = self.fields.parent {
            task.parent = Some(parent.id);
            task.depth = parent.depth + 1;
            task.deadline_in = parent.deadline.map(|deadline| deadline - self.dispatcher.clock().now());
        }
        if let Some(deadline_in) = self.fields.deadline_in {
            task.ends_within(deadline_in);
        }
        task.priority = self.fields.priority;
        task.delay = self.fields.delay;
        task.expires_in = self.fields.expires_in;
        task.retry = self.fields.retry;
        task.limits = self.fields.limits;
        Ok(task)
    }

    async fn payload(&self) -> Result<Payload, Invalid> {
        let max = self.dispatcher.config().max_script_bytes;
        match (&self.fields.script, &self.fields.script_path) {
            (Some(script), None) => {
                check_size("script", script.len(), max)?;
                Ok(Payload::Script { source: Arc::clone(script), name: self.fields.script_name.clone() })
            }
            (None, Some(path)) => {
                let name = self.fields.script_name.clone();
                let name = name.unwrap_or_else(|| path.display().to_string().into());
                let refuse = |problem: String| {
                    let problem = format!("{}: {problem}", path.display());
                    Invalid::new("script_path", problem, "give the path of a readable file with a script")
                };
                let from = path.clone();
                // A file may be slow to come.
                let read = self.dispatcher.blocking(move || read_script(&from, max)).await;
                let read = read.map_err(|error| refuse(error.to_string()))?;
                let source = read.map_err(|error| refuse(error.to_string()))?;
                Ok(Payload::Script { source, name: Some(name) })
            }
            (None, None) => Err(Invalid::new("script", "is missing", "give script(...) or script_path(...)")),
            (Some(_), Some(_)) => Err(Invalid::new(
                "script",
                "is given twice, by script and by script_path",
                "give one of them",
            )),
        }
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

impl IntoFuture for PlayRequestBuilder {
    type Output = Result<TaskDetails, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// The same as [`await_response`](PlayRequestBuilder::await_response): `request.await?`.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.await_response())
    }
}

/// What `work` gives, if it does before `end`.
async fn within<T>(work: impl Future<Output = T>, end: impl Future<Output = ()> + Unpin) -> Option<T> {
    match future::select(pin!(work), end).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// The error of a request whose time was over before its task was known to be accepted.
fn never_accepted(dispatcher: &Dispatcher, id: TaskId) -> Error {
    let health = dispatcher.transport().health();
    match health.last_error {
        Some(why) if !health.connected => {
            Error::Unavailable(Arc::from(Box::<dyn StdError + Send + Sync>::from(why)))
        }
        _ => Error::Timeout(id),
    }
}

/// Cancels a task whose caller has stopped waiting. If it ended at that very moment, that outcome is
/// the answer after all.
async fn withdraw(dispatcher: &Dispatcher, id: TaskId) -> Result<TaskDetails, Error> {
    let clock = dispatcher.clock();
    let latest = clock.now() + WITHDRAWAL_WAIT;
    let cancel = dispatcher.transport().cancel_one(id, CancelReason::Withdrawn);
    match within(cancel, clock.sleep_until(latest)).await {
        Some(Ok(Cancelled::AlreadyFinished)) => dispatcher.outcome_until(id, clock.sleep_until(latest)).await,
        // Nobody hears of it now; the deadline that it was submitted with ends the task.
        _ => Err(Error::Timeout(id)),
    }
}

fn args(args: &Map<String, Value>, max: usize) -> Result<Json, Invalid> {
    let json = Json::of(args).map_err(|error| {
        Invalid::new(
            "args",
            format!("they have no JSON form: {error}"),
            "pass something that serializes to JSON",
        )
    })?;
    check_size("args", json.as_str().len(), max)?;
    if args.values().any(|value| nests_deeper(value, MAX_ARGS_DEPTH)) {
        let problem = format!("they nest deeper than {MAX_ARGS_DEPTH} levels");
        return Err(Invalid::new("args", problem, "pass flatter values"));
    }
    Ok(json)
}

/// Whether there is something in `value` more than `levels` deep.
fn nests_deeper(value: &Value, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else { return true };
    match value {
        Value::Array(values) => values.iter().any(|value| nests_deeper(value, left)),
        Value::Object(values) => values.values().any(|value| nests_deeper(value, left)),
        _ => false,
    }
}

fn check_size(field: &'static str, bytes: usize, max: usize) -> Result<(), Invalid> {
    if bytes > max {
        let problem = format!("has {bytes} bytes, and the limit is {max}");
        return Err(Invalid::new(
            field,
            problem,
            match field {
                "args" => "make them smaller, or raise DispatcherConfig::max_args_bytes",
                _ => "make it smaller, or raise DispatcherConfig::max_script_bytes",
            },
        ));
    }
    Ok(())
}
