//! Starts `redis-server` for tests, and ends it with them; and a network before it that fails.
//!
//! # Layout
//! - `server`: one server in a directory of its own ([`RedisServer`]).
//! - `clock`: a server whose clock is off.
//! - `proxy`: the way to a server, with black holes, latency, dead sockets and other targets ([`FaultyProxy`]).

mod clock;
mod proxy;
mod server;

pub use clock::CLOCK_OFFSET;
pub use proxy::{Direction, FaultyProxy};
pub use server::RedisServer;
