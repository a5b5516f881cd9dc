//! One background tokio thread for code that can't do without tokio.
//!
//! Some clients (of Redis, of HTTP) panic outside a tokio runtime, and die with the runtime in
//! which they were made. They live here instead, on a thread of our own, so that whoever uses them
//! may run under any executor, or none.
//!
//! # Layout
//! - `bridge`: the thread, or a caller's runtime in its place ([`TokioBridge`]).

mod bridge;

pub use bridge::{BridgeClosed, TokioBridge};
