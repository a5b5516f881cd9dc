//! Sends [Rhai](https://rhai.rs) scripts to workers, in process or over Redis, and brings their answers back.
//!
//! ```
//! use rhai_dispatcher::RhaiDispatcher;
//!
//! # futures::executor::block_on(async {
//! let client = RhaiDispatcher::builder().caller_id("my-app").url("memory:").build()?;
//! let answer = client.new_play_request().worker_id("worker-1").script("40 + 2").await?;
//! assert_eq!(answer.into_result::<i64>()?, 42);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! With `url("redis://127.0.0.1/")` the same program sends its scripts to workers in other processes. Such a worker is:
//!
//! ```no_run
//! use rhai_dispatcher::RhaiWorker;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let running = RhaiWorker::builder("worker-1").url("redis://127.0.0.1/").build()?.start().await?;
//! // … until the program ends:
//! running.drain().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Parts
//! Each module begins with an example.
//!
//! | to | see |
//! |---|---|
//! | submit scripts and wait for them | [`RhaiDispatcher`], [`PlayRequestBuilder`] |
//! | serve a worker id | [`RhaiWorker`] |
//! | set limits, add functions and secrets | [`EngineConfig`], [`engine`] |
//! | read records, logs and errors of tasks | [`RhaiTaskDetails`], [`task`] |
//! | see how tasks have ended, and why | [`activity`] |
//! | run something else than Rhai scripts | [`worker`] |
//! | call typed services of Rust | [`service`] |
//! | configure or share a transport, read queues | [`transport`] |
//! | let programs with a plain Redis client submit scripts | [`list_bridge`] |
//! | test programs, with time under the test's control | [`testing`] |
//! | give scripts time, randomness, encodings and hashes | [`stdlib`] (feature) |
//! | register methods that calls name: functions, or a folder of scripts | [`handlers`] (feature) |
//! | call HTTP services, or Stripe, from scripts | [`http`], [`stripe`] (features) |
//! | trace tasks with OpenTelemetry | `opentelemetry` (feature) |
//!
//! # Layout
//! - `dispatcher/`: [`RhaiDispatcher`] and its builder.
//! - `worker/`: [`RhaiWorker`] and its builder.
//! - `transport/`: the transport that a URL names, and the settings of transports that both builders have.
//! - `service`: typed services of the core.
//! - `testing/`: [`testing::TestHarness`], and its builder.
//! - `activity`, `engine`, `task`, `handlers`, `list_bridge`, `stdlib`, `http`, `stripe`: types of the crates below, by topic.
//! - `opentelemetry`: the traces of tasks as those of OpenTelemetry.
//! - `engine`, `task`, `handlers`, `list_bridge`, `stdlib`, `http`, `stripe`: types of the crates below, by topic.

/// Its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod activity;
pub mod dispatcher;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "handlers")]
pub mod handlers;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "redis")]
pub mod list_bridge;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
pub mod service;
#[cfg(feature = "stdlib")]
pub mod stdlib;
#[cfg(feature = "stripe")]
pub mod stripe;
pub mod task;
#[cfg(all(feature = "memory", feature = "engine"))]
pub mod testing;
pub mod transport;
pub mod worker;

pub use rhai_dispatcher_core::{
    CancelReason, Error as RhaiDispatcherError, Invalid, PlayRequestBuilder, Priority,
    TaskDetails as RhaiTaskDetails, TaskError, TaskErrorKind, TaskFailure, TaskId, TaskStatus, WorkerId,
};
#[cfg(feature = "engine")]
pub use rhai_dispatcher_engine::EngineConfig;

pub use dispatcher::{RhaiDispatcher, RhaiDispatcherBuilder};
#[cfg(feature = "engine")]
pub use worker::{RhaiWorker, RhaiWorkerBuilder};
