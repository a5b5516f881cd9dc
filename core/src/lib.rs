//! Tasks, the transport contract, the dispatcher that submits tasks and the worker that runs them.
//!
//! This crate does no I/O and needs no async runtime: the caller drives its futures, and
//! background work runs on threads of its own.
//!
//! # Layout
//! - `task`: what is sent ([`Task`]), what is known of it ([`TaskDetails`]), how it ends
//!   ([`Outcome`]).
//! - `transport`: the contract ([`Transport`], [`Consumer`]) that carries tasks between the two
//!   sides.
//! - `dispatcher`: the side that submits ([`Dispatcher`], [`PlayRequestBuilder`]).
//! - `events`: what a task tells while it runs ([`TaskEvent`]).
//! - `discovery`: which methods the living instances have ([`HandlerStatus`]); `figures`: what is counted of their calls
//!   ([`Figures`]).
//! - `worker`: the side that runs ([`Worker`]), in lanes over a [`Handler`].
//! - `service`: typed services ([`Service`], [`Caller`]).
//! - `blocking`: threads for what blocks ([`BlockingPool`]), and slots for what is limited ([`Slots`]).
//! - `clock`: time ([`Clock`]), the system's or a test's.
//! - `metrics`: what is counted for the recorder of the program ([`METRICS`]).
//! - `error`, `invalid`: why a call has no answer ([`Error`]).
//! - `error_log`: which errors are logged ([`ErrorLog`]).

mod blocking;
mod clock;
mod discovery;
mod dispatcher;
mod error;
mod error_log;
mod events;
mod figures;
mod invalid;
mod lock;
mod metrics;
mod panic_text;
mod service;
mod task;
mod transport;
mod worker;

pub use blocking::{Acquire, BlockingError, BlockingPool, Slot, Slots};
pub use clock::{Activity, Clock, ManualClock, SystemClock, Tick, WallTime};
pub use discovery::{
    HandlerInfo, HandlerStatus, HandlerType, InstanceDescription, MethodForm, MethodInfo, MethodStatus,
    ParameterInfo,
};
pub use dispatcher::{Dispatcher, DispatcherConfig, PlayRequestBuilder, Preflight, Progress, TimedOut};
pub use error::Error;
pub use error_log::ErrorLog;
pub use events::{EventBuffer, EventLimits, EventQueue, RunEvent, RunId, TaskEvent, TaskEvents};
pub use figures::{Counters, Figures, Histogram};
pub use invalid::Invalid;
pub use lock::lock;
pub use metrics::{METRICS, Metric, MetricKind, TransportMetrics};
pub use service::{
    Call, CallError, Caller, DispatchError, NoError, NotSent, Received, RemoteError, Reply, Requests,
    RestartPolicy, Service, ServiceHandler, ServiceOptions, Signature, WireSignature, WorkerPanicked,
};
pub use task::{
    CancelReason, InstanceId, Json, Limits, LogLevel, LogLine, MethodName, Outcome, Output, Payload,
    Priority, RetryPolicy, ScriptFileError, Task, TaskDetails, TaskError, TaskErrorKind, TaskFailure, TaskId,
    TaskLog, TaskStatus, WorkerId, integer_beyond_i64, read_script, read_script_from, script_text,
};
pub use transport::{
    Added, Cancelled, Claim, Claimed, Completion, Consumer, CrashReport, Finish, Finished, Health,
    InstanceInfo, InstanceReport, InstanceSpec, MethodFigures, OutcomeError, QueueInfo, Reported, Requeued,
    Signal, SignalQueue, SubmitError, SubmitOneError, Submitted, Transport, TransportConfig, TransportError,
    TransportExt,
};
/// The type behind [`TaskId`] and [`InstanceId`].
pub use uuid::Uuid;
pub use worker::{
    Drained, EventSink, FiguresConfig, Handler, LaneSlot, MethodSource, Ran, Run, RunningTasks,
    RunningWorker, Stop, StopToken, Worker, WorkerConfig, WorkerError, WorkerHealth, WorkerState,
};
