//! Methods that tasks call by name: Rust functions, and the functions of a folder of scripts.
//!
//! ```
//! use rhai_dispatcher::handlers::MethodHandler;
//! use rhai_dispatcher::{RhaiDispatcher, RhaiWorker};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! /// Adds two numbers.
//! #[derive(Deserialize, JsonSchema)]
//! struct Add { a: i64, b: i64 }
//!
//! # futures::executor::block_on(async {
//! let math = MethodHandler::new("math")
//!     .with_method("add", |params: Add| async move { Ok::<_, String>(params.a + params.b) });
//! let worker = RhaiWorker::builder("worker-1").url("memory:handlers").handler(math).build()?;
//! let running = worker.start().await?;
//!
//! let client = RhaiDispatcher::builder().caller_id("my-app").url("memory:handlers").build()?;
//! let sum = client.call("math.add").worker_id("worker-1").arg("a", 40).arg("b", 2).await?;
//! assert_eq!(sum.into_result::<i64>()?, 42);
//! let sum = client.call("math.add").worker_id("worker-1").params([40, 2]).await?;
//! assert_eq!(sum.into_result::<i64>()?, 42);
//! # running.drain().await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! With [`handlers_folder`](crate::RhaiWorkerBuilder::handlers_folder) the public functions of the scripts in a folder are
//! methods, and are read again whenever their files change; see [`ScriptFolder`].

pub use rhai_dispatcher_handlers::*;
