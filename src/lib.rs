//! Sends [Rhai](https://rhai.rs) scripts to workers, in process or over Redis, and brings their answers back.
//!
//! ```
//! use rhai_dispatcher::RhaiDispatcherBuilder;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = RhaiDispatcherBuilder::new().caller_id("my-app").redis_url("memory:").build()?;
//! let request = client.new_play_request().worker_id("worker-1").script("40 + 2");
//! let details = futures::executor::block_on(request.await_response())?;
//! assert_eq!(details.output.map(|output| output.to_string()), Some("42".into()));
//! # Ok(())
//! # }
//! ```
//!
//! The repository's README tells of URLs, workers, the command line, and what scripts can use.
//!
//! # Layout
//! - `dispatcher_builder`: [`RhaiDispatcherBuilder`], which makes a [`RhaiDispatcher`].
//! - `url`: the transport that a URL names.
//! - `worker`: [`RhaiWorker`], which serves a worker id with the Rhai engine.
//!
//! What they stand on is re-exported from the crates below: the contract and the types from
//! `rhai-dispatcher-core`, the engine's settings from `rhai-dispatcher-engine`, and what its scripts can
//! call from the crates of the modules.

/// Its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod dispatcher_builder;
mod record_settings;
mod url;
#[cfg(feature = "engine")]
mod worker;

pub use rhai_dispatcher_core::{
    CancelReason, Cancelled, Clock, CrashReport, Dispatcher as RhaiDispatcher, DispatcherConfig, Drained,
    Error as RhaiDispatcherError, Handler, InstanceId, InstanceInfo, Invalid, Json, LaneSlot, Limits,
    LogLevel, LogLine, ManualClock, Outcome, Output, Payload, PlayRequestBuilder, Preflight, Priority,
    QueueInfo, Ran, Requeued, RetryPolicy, Run, RunningTasks, RunningWorker, ScriptFileError, Stop,
    StopToken, SystemClock, Task, TaskDetails as RhaiTaskDetails, TaskError, TaskErrorKind, TaskId, TaskLog,
    TaskStatus, Tick, Transport, TransportConfig, TransportError, TransportExt, WallTime, Worker,
    WorkerConfig, WorkerError, WorkerId, read_script, read_script_from, script_text,
};
#[cfg(feature = "engine")]
pub use rhai_dispatcher_engine::{
    AsyncFnConfig, Call, EngineConfig, RhaiHandler, ScriptAllocator, ScriptChecker, Secret, TaskContext,
    rhai, wait,
};
#[cfg(feature = "http")]
pub use rhai_dispatcher_http::{AllowedHost, HttpConfig, HttpError, HttpErrorKind, HttpModule};
#[cfg(feature = "memory")]
pub use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

#[cfg(feature = "stripe")]
pub use rhai_dispatcher_stripe::{StripeConfig, StripeError, StripeModule};
#[cfg(feature = "http")]
pub use rhai_dispatcher_tokio_bridge::TokioBridge;

#[cfg(feature = "redis")]
pub use rhai_dispatcher_redis::{Durability, RedisConfig, RedisTransport};

pub use dispatcher_builder::RhaiDispatcherBuilder;
#[cfg(feature = "engine")]
pub use worker::{RhaiWorker, RhaiWorkerBuilder};
