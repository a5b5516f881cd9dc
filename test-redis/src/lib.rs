//! Starts `redis-server` for tests, and ends it with them.
//!
//! # Layout
//! - `server`: one server in a directory of its own ([`RedisServer`]).

mod server;

pub use server::RedisServer;
