use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use rhai::Dynamic;
use rhai_dispatcher_core::{
    CancelReason, Dispatcher, DispatcherConfig, Error, Limits, Priority, Stop, TaskFailure, TaskId,
    Transport, TransportExt, WorkerId,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::EngineConfig;
use crate::call::{CANCELLED, CallError, INVALID, TIMEOUT};
use crate::docs::{FunctionDoc, ModuleDoc};
use crate::memory::uncharged;
use crate::native::{AsyncFnConfig, Call, TaskContext};
use crate::script::to_json;

/// The longest `timeout` that a script can ask for.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after its children a cancelled task may hear that it is: a lost signal comes with the next renewal, by
/// default within a second. If it was another task that had joined in the same child, there is none.
const STOP_ON_ITS_WAY: Duration = Duration::from_secs(5);

/// The longest request, in bytes of JSON: the largest args and script, and some room.
const MAX_REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// What is written about it.
static DOCS: ModuleDoc = ModuleDoc::new(
    "Other workers",
    "Tasks for other workers, and for the script's own. In Rust: `RhaiWorkerBuilder::dispatch`, which is on by default.",
    &[&[FunctionDoc::new(
        "dispatch",
        &["dispatch(worker_id, script)", "dispatch(worker_id, request)"],
        "Sends a script to a worker, waits for its end, and returns its result. The request is an object map with `script`, \
         and perhaps `args` (a map), `timeout` and `delay` (seconds), `priority` (`\"high\"`, `\"normal\"` or `\"low\"`), \
         `context_id`, `request_id`, `retries` and `limits` (a map). The task is a child: it has the time that its parent \
         has left, and is cancelled with it.",
    )
    .errors(
        "The child failed, was cancelled or took too long; a part of the request is wrong; or the worker id is not one that \
         scripts may dispatch to.",
    )
    .example("dispatch(\"worker-2\", #{ script: \"args.a + args.b\", args: #{ a: 40, b: 2 } })", "42")
    .with_async()]],
);

impl EngineConfig {
    /// Lets scripts send tasks to workers, over `transport`, and await their answers like those of any
    /// other request: `dispatch(worker_id, script)` and `dispatch(worker_id, #{...})`, and both with
    /// `_async`. The map has `script`, and may have `args` (a map), `context_id`, `priority`
    /// (`"high"`, `"normal"`, `"low"`), `request_id`, `retries`, `timeout` and `delay` in seconds, and `limits`
    /// (a map of [`Limits`](rhai_dispatcher_core::Limits) by name, times in seconds).
    ///
    /// What is dispatched is a child of the script's task: it is in its record, belongs to its trace, ends by its
    /// deadline and is cancelled with it. How many there can be, and how deep, is limited by
    /// [`TransportConfig::max_children`](rhai_dispatcher_core::TransportConfig::max_children) and
    /// [`DispatcherConfig::max_depth`](rhai_dispatcher_core::DispatcherConfig::max_depth). Without a `timeout` the
    /// call waits until the child, or the script's task, has ended. A task that
    /// runs again finds the children of its first run, as long as it makes the same calls.
    #[must_use]
    pub fn with_dispatch(self, transport: Arc<dyn Transport>) -> Self {
        // Each call has a timeout of its own within this.
        let call_config = AsyncFnConfig::new().with_timeout(MAX_TIMEOUT);
        self.with_docs(&DOCS).with_async_fn_config(
            "dispatch",
            call_config,
            move |call: Call, worker_id: String, what: Dynamic| {
                let transport = Arc::clone(&transport);
                let mut dispatched = Box::pin(async move {
                    dispatch(transport, &call, worker_id, &what).await.map_err(Into::<Dynamic>::into)
                });
                // What a transport keeps of the task and its answer is not the script's; both are bounded.
                poll_fn(move |cx| uncharged(|| dispatched.as_mut().poll(cx)))
            },
        )
    }
}

/// What a script says of a task, besides its worker id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DispatchRequest {
    script: String,
    #[serde(default)]
    args: Map<String, Value>,
    context_id: Option<String>,
    request_id: Option<String>,
    priority: Option<String>,
    retries: Option<u32>,
    #[serde(default)]
    limits: Map<String, Value>,
    /// In seconds.
    timeout: Option<f64>,
    /// In seconds.
    delay: Option<f64>,
}

impl DispatchRequest {
    fn of(what: &Dynamic) -> Result<Self, String> {
        if !what.is_string() && !what.is_map() {
            let type_name = what.type_name();
            return Err(format!(
                "dispatch: the task is of type {type_name}; give a script, or a map with `script`"
            ));
        }
        if let Ok(script) = what.clone().into_string() {
            return Ok(Self {
                script,
                args: Map::new(),
                context_id: None,
                request_id: None,
                priority: None,
                retries: None,
                limits: Map::new(),
                timeout: None,
                delay: None,
            });
        }
        let json = to_json(what, MAX_REQUEST_BYTES, "the task")?;
        serde_json::from_str(&json).map_err(|error| format!("dispatch: {error}"))
    }
}

async fn dispatch(
    transport: Arc<dyn Transport>,
    call: &Call,
    worker_id: String,
    what: &Dynamic,
) -> Result<Value, CallError> {
    let request = DispatchRequest::of(what)?;
    check_reach(call, &worker_id)?;
    let task = call.task().task();
    let config = DispatcherConfig::new(Arc::clone(&task.caller_id)).map_err(|error| error.to_string())?;
    let dispatcher = Dispatcher::new(Arc::clone(&transport), config);
    let id =
        transport.new_task_id(&WorkerId::try_from(worker_id.as_str()).map_err(|error| error.to_string())?);
    let time_left = call.task().deadline().map(|at| at - call.task().clock().now());
    let mut child = dispatcher
        .new_play_request()
        .task_id(id)
        .worker_id(worker_id.as_str())
        .script(request.script)
        .args(request.args)
        .child_of(task, time_left)
        // A task that runs again finds what it dispatched before.
        .request_id(request.request_id.unwrap_or_else(|| call.idempotency_key()));
    if let Some(context_id) = request.context_id.as_deref().or(task.context_id.as_deref()) {
        child = child.context_id(context_id);
    }
    if let Some(trace) = call.task().trace() {
        child = child.trace_context(Arc::clone(trace));
    }
    if let Some(priority) = request.priority {
        child = child.priority(priority.parse::<Priority>().map_err(|error| error.to_string())?);
    }
    if let Some(retries) = request.retries {
        child = child.retries(retries);
    }
    let mut limits = Limits::default();
    for (name, value) in &request.limits {
        limits.set(name, &value.to_string()).map_err(|error| format!("dispatch: {error}"))?;
    }
    child = child.limits(limits);
    // Without one the child ends with its parent, which has its own.
    child = match request.timeout {
        Some(timeout) => child.timeout(seconds("timeout", timeout)?),
        None => child.without_timeout(),
    };
    if let Some(delay) = request.delay {
        child = child.delay(seconds("delay", delay)?);
    }
    let mut guard = Abandoned { transport, task: call.task().clone(), id, answered: false };
    let answer = child.await_response().await;
    guard.answered = true;
    let details = answer.map_err(|error| CallError::new(kind_of(&error), format!("dispatch: {error}")))?;
    if details.cancel_reason == Some(CancelReason::Parent) {
        // So is this one, and it need not have heard of it yet: it must not take that for its child's failure.
        let clock = call.task().clock();
        clock.sleep_until(clock.now() + STOP_ON_ITS_WAY).await;
    }
    let child = details.task_id;
    details.into_result().map_err(|error| {
        let worker_id = WorkerId::try_from(worker_id.as_str()).map_or(worker_id, |id| id.to_string());
        match error {
            TaskFailure::Error(error) => {
                // The cause first, then where it comes from: of children of children, each adds its own part behind.
                let line = error.line.map(|line| format!(", line {line}")).unwrap_or_default();
                let message = format!("{} (task {child} of {worker_id}{line})", error.message);
                CallError::new(error.kind.as_str(), message)
                    .with_value(error.value.and_then(|value| value.to().ok()).unwrap_or_default())
            }
            TaskFailure::Cancelled(_) => {
                CallError::new(CANCELLED, format!("{error} (task {child} of {worker_id})"))
            }
            error => CallError::new("output", format!("{error} (task {child} of {worker_id})")),
        }
    })
}

/// The kind of an error without a task's own.
fn kind_of(error: &Error) -> &'static str {
    match error {
        Error::Script(error) => error.kind.as_str(),
        Error::Invalid(_) => INVALID,
        Error::Timeout(_) => TIMEOUT,
        _ => "unavailable",
    }
}

/// The parts of a request that are wrong.
impl From<String> for CallError {
    fn from(message: String) -> Self {
        Self::new(INVALID, message)
    }
}

/// # Errors
/// If scripts can't dispatch to that worker id.
fn check_reach(call: &Call, worker_id: &str) -> Result<(), String> {
    let Some(reached) = &call.task().config().dispatch_to else { return Ok(()) };
    // What is not a worker id has an error of its own.
    match WorkerId::try_from(worker_id) {
        Ok(id) if !reached.contains(&id) => {
            let reached: Vec<_> = reached.iter().map(WorkerId::as_str).collect();
            let reached = if reached.is_empty() { "none".to_owned() } else { reached.join(", ") };
            Err(format!(
                "dispatch: worker_id: no task is sent to {id} from here; worker ids that can be used: {reached}"
            ))
        }
        _ => Ok(()),
    }
}

fn seconds(field: &str, value: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value).ok().filter(|duration| *duration <= MAX_TIMEOUT).ok_or_else(|| {
        format!("dispatch: {field}: {value} is not a number of seconds from 0 to {}", MAX_TIMEOUT.as_secs())
    })
}

/// A child whose request is dropped before it has its answer.
struct Abandoned {
    transport: Arc<dyn Transport>,
    task: TaskContext,
    id: TaskId,
    answered: bool,
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let why = match self.task.stopped() {
            _ if self.answered => return,
            // A task that runs elsewhere after this wants its children.
            Some(Stop::Lost | Stop::Drained) => return,
            // The transport takes them along too, and either may be first.
            Some(Stop::Cancelled(_)) => CancelReason::Parent,
            None => CancelReason::Withdrawn,
        };
        // The first poll asks for it, and no caller needs the answer.
        let cancel = std::pin::pin!(self.transport.cancel_one(self.id, why));
        let _ = cancel.poll(&mut Context::from_waker(Waker::noop()));
    }
}
