//! The list protocol: programs with a plain Redis client submit scripts, by HSET, LPUSH and BLPOP.
//!
//! `rhaid worker` serves it. A worker in your own program needs a bridge beside it:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use rhai_dispatcher::list_bridge::{ListBridge, ListBridgeConfig};
//! use rhai_dispatcher::transport::{RedisConfig, RedisTransport};
//! use rhai_dispatcher::{RhaiWorker, WorkerId};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = RedisTransport::new(RedisConfig::new("redis://127.0.0.1/"))?;
//! let worker = RhaiWorker::builder("worker-1").transport(Arc::new(transport.clone())).build()?.start().await?;
//! let worker_id = WorkerId::try_from("worker-1")?;
//! let bridge = ListBridge::new(&transport, worker_id, ListBridgeConfig::new())?.start();
//! // … until the program ends:
//! bridge.stop_taking();
//! worker.drain().await?;
//! bridge.drain().await;
//! # Ok(())
//! # }
//! ```
//!
//! A dispatcher with the URL `redis://127.0.0.1/?protocol=list` submits in the same way to workers that know nothing else.

pub use rhai_dispatcher_list_bridge::*;
