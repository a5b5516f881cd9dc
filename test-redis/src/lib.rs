//! Starts `redis-server` for tests, and ends it with them; and a network before it that fails.
//!
//! # Layout
//! - `server`: one server in a directory of its own ([`RedisServer`]).
//! - `certificates`: what TLS needs, made by the command `openssl` ([`Certificates`]).
//! - `clock`: a server whose clock is off.
//! - `cluster`: a cluster ([`ClusterDeployment`]).
//! - `deployment`: a master with a replica and Sentinels ([`SentinelDeployment`]).
//! - `proxy`: the way to a server, with black holes, latency, dead sockets and other targets ([`FaultyProxy`]).

mod certificates;
mod clock;
mod cluster;
mod deployment;
mod proxy;
mod server;

pub use certificates::{Certificates, Validity};
pub use clock::CLOCK_OFFSET;
pub use cluster::ClusterDeployment;
pub use deployment::SentinelDeployment;
pub use proxy::{Direction, FaultyProxy};
pub use server::RedisServer;
