//! A local HTTP server for tests: it records what it was asked, and answers as a closure says.
//!
//! # Layout
//! - `server`: [`TestServer`], on a thread of its own, which ends with it.
//! - `exchange`: what it was asked, [`Asked`], and what it says, [`Answer`].

mod exchange;
mod server;

pub use exchange::{Answer, Asked};
pub use server::TestServer;
