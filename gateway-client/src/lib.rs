//! A typed client of the gateway of rhai-dispatcher: [`GatewayClient`] calls methods, runs scripts and follows tasks by
//! JSON-RPC 2.0, over a WebSocket that connects again by itself, or over HTTP. docs/gateway.md describes the gateway.
//!
//! ```
//! use futures::TryStreamExt;
//! use rhai_dispatcher_gateway_client::{GatewayClientBuilder, Play, TaskEvent};
//!
//! # use rhai_dispatcher::handlers::MethodHandler;
//! # use rhai_dispatcher_gateway::{GatewayBuilder, GatewayConfig};
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! # #[derive(serde::Deserialize, schemars::JsonSchema)]
//! # struct Add { a: i64, b: i64 }
//! # let shop = MethodHandler::new("demo").with_method("add", |Add { a, b }: Add| async move { Ok::<_, String>(a + b) });
//! # let transport = std::sync::Arc::new(rhai_dispatcher::transport::MemoryTransport::new(Default::default()));
//! # let worker = rhai_dispatcher::RhaiWorker::builder("main").transport(transport.clone()).handler(shop);
//! # let worker = worker.build()?.start().await?;
//! # let dispatcher = rhai_dispatcher::RhaiDispatcher::builder().caller_id("docs").transport(transport).build()?;
//! # while dispatcher.get_handlers().await?.is_empty() {}
//! # let config = GatewayConfig::default().with_default_worker_id("main".parse()?);
//! # let gateway = GatewayBuilder::new().dispatcher(dispatcher).config(config).build()?;
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}", listener.local_addr()?);
//! # tokio::spawn(gateway.serve(listener, futures::future::pending()));
//! // `url` is such as "ws://127.0.0.1:8080" or "wss://tasks.example/ws".
//! let client = GatewayClientBuilder::new(url).connect().await?;
//! let sum: i64 = client.call("demo.add", &(40, 2)).await?;
//! assert_eq!(sum, 42);
//!
//! let submitted = client.play_submit(&Play::new("print(`hello`); 7")).await?;
//! let mut events = client.subscribe(submitted.task_id).await?;
//! while let Some(event) = events.try_next().await? {
//!     match event {
//!         TaskEvent::Line { text, .. } => assert_eq!(text, "hello"),
//!         TaskEvent::Ended(task) => assert_eq!(task.status.as_str(), "completed"),
//!         _ => {}
//!     }
//! }
//! # worker.drain().await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//! - `client`, `builder`, `config`: [`GatewayClient`], how one is made, and its limits.
//! - `request/`: [`Play`], [`Call`] and [`Batch`], and what they need.
//! - `task_events`: [`TaskEvents`]; `events/`: what it shares with the connection.
//! - `error/`: [`ClientError`] and [`Refusal`].
//! - `link/`: the ways to a gateway: `http_link`, and `socket/` with the task that connects.
//! - `rpc/`: JSON-RPC as texts; `address`: the URL; `ids`: the ids of calls.

mod address;
mod builder;
mod client;
mod client_core;
mod config;
mod error;
mod events;
mod ids;
mod link;
mod request;
mod rpc;
mod task_events;

pub use builder::GatewayClientBuilder;
pub use client::GatewayClient;
pub use config::ClientConfig;
pub use error::{ClientError, Refusal, RefusalCode};
pub use request::{Batch, BatchAnswers, BatchCall, Call, Play, Submitted};
pub use task_events::TaskEvents;

pub use rhai_dispatcher_core::{
    ActivityCursor, ActivityEntry, ActivityPage, CancelReason, Cancelled, HandlerStatus, Invalid, Limits,
    LogLevel, Priority, TaskDetails, TaskErrorKind, TaskEvent, TaskId, TaskStatus, WorkerId,
};
