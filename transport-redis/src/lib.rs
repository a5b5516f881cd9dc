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
//! - `config`: where the server is, and how it is used ([`RedisConfig`]).
//! - `transport`, `consumer`: the two sides of the contract ([`RedisTransport`]).
//! - `submits`, `finishes`, `looks`, `batcher`: calls, gathered into scripts under load.
//! - `instance`, `claims`: an instance, and what it holds.
//! - `claim_loop`, `given`, `recovery`: how it gets that.
//! - `inbox`, `waits`: how outcomes and signals come to those who wait for them.
//! - `pumps`: what of this runs on the bridge.
//! - `script`, `lua/`: the steps that are atomic. `caller`: sends them. `libraries`: deletes old ones.
//! - `record`, `wire`, `keys`, `args`: what stands in Redis, and how.
//! - `client`: fred, and nothing of it outside; connections that are left when they or their server are dead.
//! - `crash`, `faults`: for the fault injection harness.

mod args;
mod batcher;
mod caller;
mod claim_loop;
mod claims;
mod client;
mod config;
mod consumer;
mod crash;
mod faults;
mod finishes;
mod given;
mod inbox;
mod instance;
mod keys;
mod libraries;
mod looks;
mod packed;
mod pumps;
mod record;
mod recovery;
mod script;
mod submits;
mod transport;
mod waits;
mod wire;

pub use config::{Durability, RedisConfig};
pub use crash::CRASH_POINTS;
pub use transport::RedisTransport;
