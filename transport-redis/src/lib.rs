//! The transport of rhai-dispatcher over Redis: what one process submits, another runs.
//!
//! ```no_run
//! use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
//!
//! let transport = RedisTransport::new(RedisConfig::new("redis://127.0.0.1/"))?;
//! # Ok::<(), rhai_dispatcher_core::Invalid>(())
//! ```
//!
//! What stands in Redis, and which command comes when and why, is in `docs/PROTOCOL.md`.
//!
//! # Layout
//! - `config/`: where the server is, and how it is used ([`RedisConfig`]).
//! - `transport`, `consumer`: the two sides of the contract ([`RedisTransport`]); `handle`: what they share.
//! - `background_tasks`: the loops that run on the bridge.
//! - `submit/`, `finish/`: calls that are gathered into scripts under load (`batch/`).
//! - `claim/`, `deliver/`: how an instance claims tasks, and how claims reach its claim calls.
//! - `instance/`: an instance, its claims and its lease.
//! - `wait/`: the inbox, and the waits for outcomes.
//! - `events/`: what running tasks tell, from an instance to its subscribers.
//! - `activity/`: how tasks have ended, from instances into a stream for each worker id, and how that is read.
//! - `inspect`: where running tasks are.
//! - `recovery/`: claims whose answer was lost; reports of crashes.
//! - `report/`: what instances say of themselves and count.
//! - `listing/`: queues and their tasks, for operators.
//! - `script/`, `lua/`: the atomic steps, and the calls that send them.
//! - `wire/`: the record of a task, and the binary payloads.
//! - `commands/`: plain commands and scripts of other packages to the same server ([`RedisCommands`], [`LuaScript`]).
//! - `client/`: fred, which no other module uses; URLs, TLS, Sentinels; connections that are replaced when they or their server
//!   are dead.
//! - `crash_points`: points at which the fault injection harness ends the process.

mod activity;
mod background_tasks;
mod batch;
mod cancel;
mod claim;
mod client;
mod commands;
mod config;
mod consumer;
mod crash_points;
mod deliver;
mod events;
mod finish;
mod handle;
mod inspect;
mod instance;
mod listing;
mod recovery;
mod report;
mod script;
mod slot;
mod submit;
mod transport;
mod wait;
mod wire;

pub use client::{ClientError, ServerReply};
pub use commands::{LuaScript, RedisCommands};
pub use config::{Durability, RedisConfig};
pub use crash_points::CRASH_POINTS;
pub use transport::RedisTransport;
