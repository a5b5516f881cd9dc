//! One background tokio thread for code that needs tokio.
//!
//! Some clients (of Redis, of HTTP) panic outside a tokio runtime, and die with the runtime in which they were made.
//! They live here instead, on a thread of this crate, so that their users may run under any executor, or none.
//!
//! # Layout
//! - `bridge`: the thread, or a caller's runtime in its place ([`TokioBridge`]).

mod bridge;

pub use bridge::{BridgeClosed, TokioBridge};
