//! Tasks, the transport contract, the dispatcher that submits tasks and the worker that runs them.
//!
//! This crate does no I/O and needs no async runtime: the caller drives its futures, and
//! background work runs on threads of its own.
//!
//! # Layout
//! - `task`: what is sent ([`Task`]), what is known of it ([`TaskDetails`]), how it ends
//!   ([`Outcome`]).
//! - `transport`: the contract ([`Transport`], [`Consumer`]) that carries tasks between the two
//!   sides; settings in URLs ([`UrlParameters`]).
//! - `dispatcher`: the side that submits ([`Dispatcher`], [`PlayRequestBuilder`]).
//! - `events`: what a task tells while it runs ([`TaskEvent`]).
//! - `inspection`: where a running task is ([`RunState`]).
//! - `discovery`: which methods the living instances have ([`HandlerStatus`]); `figures`: what is counted of their calls
//!   ([`Figures`]).
//! - `activity`: how tasks have ended ([`ActivityEntry`]), and what is looked for in that ([`ActivityFilter`]).
//! - `worker`: the side that runs ([`Worker`]), in lanes over a [`Handler`].
//! - `service`: typed services ([`Service`], [`Caller`]).
//! - `blocking`: threads for what blocks ([`BlockingPool`]), and slots for what is limited ([`Slots`]).
//! - `clock`: time ([`Clock`]), the system's or a test's.
//! - `metrics`: what is counted for the recorder of the program ([`METRICS`]).
//! - `error`, `invalid`: why a call has no answer ([`Error`]).
//! - `error_log`: which errors are logged ([`ErrorLog`]); `nearest`: [`nearest`], the name that may have been meant.

mod activity;
mod blocking;
mod clock;
mod discovery;
mod dispatcher;
mod error;
mod error_log;
mod events;
mod figures;
mod inspection;
mod invalid;
mod lock;
mod metrics;
mod nearest;
mod panic_text;
mod service;
mod task;
mod transport;
mod worker;

pub use activity::{
    ActivityEntry, ActivityError, ActivityFilter, ActivityNews, ActivityPosition, ActivityQueue,
    ActivityRange, ActivityWatch, EndedRun, ErrorFingerprint, FilterError, LoggedActivity, Moment,
};
pub use blocking::{Acquire, BlockingError, BlockingPool, Slot, Slots};
pub use clock::{Activity, Clock, ManualClock, SystemClock, Tick, WallTime};
pub use discovery::{
    HandlerInfo, HandlerStatus, HandlerType, InstanceDescription, MethodForm, MethodInfo, MethodStatus,
    ParameterInfo,
};
pub use dispatcher::{
    ActivityCursor, ActivityPage, ActivityRequest, Dispatcher, DispatcherConfig, ErrorGroup, ErrorGroups,
    ListedTask, PlayRequestBuilder, Preflight, Progress, TaskListCursor, TaskListPage, TaskListRequest,
    TimedOut, TraceSource,
};
pub use error::Error;
pub use error_log::ErrorLog;
pub use events::{EventBuffer, EventLimits, EventQueue, RunEvent, RunId, TaskEvent, TaskEvents};
pub use figures::{Counters, Figures, Histogram};
pub use inspection::{Inquiries, Inquiry, InspectError, PendingInquiry, RunActivity, RunState, ScriptPlace};
pub use invalid::Invalid;
pub use lock::lock;
pub use metrics::{METRICS, Metric, MetricKind, TransportMetrics};
pub use nearest::nearest;
pub use service::{
    Call, CallError, Caller, DispatchError, NoError, NotSent, Received, RemoteError, Reply, Requests,
    RestartPolicy, Service, ServiceHandler, ServiceOptions, Signature, WireSignature, WorkerPanicked,
};
pub use task::{
    CancelReason, InstanceId, Json, Limits, LogLevel, LogLine, MethodName, Outcome, Output, Payload,
    Priority, RetryPolicy, ScriptFileError, Task, TaskDetails, TaskError, TaskErrorKind, TaskFailure, TaskId,
    TaskLog, TaskStatus, TaskSummary, TraceContext, WorkerId, integer_beyond_i64, read_script,
    read_script_from, script_text,
};
pub use transport::{
    Added, Cancelled, Claim, Claimed, Completion, Consumer, CrashReport, Finish, Finished, Health,
    InstanceInfo, InstanceReport, InstanceSpec, MethodFigures, OutcomeError, QueueInfo, QueuePart, Reported,
    Requeued, Secret, Signal, SignalQueue, SubmitError, SubmitOneError, Submitted, TaskCursor, TaskPage,
    Transport, TransportConfig, TransportError, TransportExt, TransportUrl, UrlParameters, UrlValue,
    decode_percent,
};
/// The type behind [`TaskId`] and [`InstanceId`].
pub use uuid::Uuid;
pub use worker::{
    Drained, EventSink, FiguresConfig, Handler, LaneSlot, MethodSource, Ran, Run, RunNotes, RunProbe,
    RunningTasks, RunningWorker, Stop, StopToken, TaskTracer, Worker, WorkerConfig, WorkerError,
    WorkerHealth, WorkerState,
};
