//! The open list protocol: any program with a Redis client submits scripts with HSET, LPUSH and BLPOP.
//!
//! A client writes a hash `rhailib:<task id>` with the field `script`, pushes the task id to the list
//! `rhailib:<worker id>`, and pops the reply from `rhailib:reply:<task id>`. A [`ListBridge`] submits such tasks to the
//! dispatcher and writes their outcomes back; `rhaid worker` runs one. In the other direction a [`ListTransport`] submits
//! tasks to a worker that knows only this protocol. `docs/list-protocol.md` has clients to copy, and `docs/PROTOCOL.md`
//! the keys and steps.
//!
//! ```no_run
//! use rhai_dispatcher_core::WorkerId;
//! use rhai_dispatcher_list_bridge::{ListBridge, ListBridgeConfig};
//! use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = RedisTransport::new(RedisConfig::new("redis://127.0.0.1/"))?;
//! let bridge = ListBridge::new(&transport, WorkerId::try_from("worker-1")?, ListBridgeConfig::new())?;
//! let running = bridge.start();
//! // … until the program ends:
//! running.drain().await;
//! # Ok(())
//! # }
//! ```
//!
//! It is a client of the dispatcher: no other part knows of it.
//!
//! # Layout
//! - `list_id`: the ids that clients choose ([`ListId`]).
//! - `details`, `fields`: what a reply says ([`ListTaskDetails`]), and the fields of a client's hash.
//! - `record`: what the protocol tells, as the record of a task.
//! - `keys`, `store/`, `lua/`: the names of keys, and the atomic steps on each.
//! - `bridge/`: takes ids, runs their tasks, answers ([`ListBridge`]).
//! - `lookup/`: from a client's id to the task that runs it ([`ListTasks`], [`FollowingTransport`]).
//! - `client/`: a dispatcher's way to a worker that knows only lists ([`ListTransport`], [`ListUrl`]).

mod bridge;
mod client;
mod details;
mod fields;
mod keys;
mod list_id;
mod lookup;
mod record;
mod store;

pub use bridge::{ListBridge, ListBridgeConfig, RunningListBridge};
pub use client::{ListTransport, ListUrl};
pub use details::ListTaskDetails;
pub use list_id::ListId;
pub use lookup::{FollowingTransport, Found, ListTasks};
