//! A local HTTP server for tests: it records what it was asked, and answers as a closure says.
//!
//! # Layout
//! - `server`: [`TestServer`], on a thread of its own, which ends with it.
//! - `raw`: [`RawServer`], whose answers are bytes, for what no HTTP server does.
//! - `exchange`: what it was asked, [`Asked`], and what it says, [`Answer`].

mod exchange;
mod raw;
mod server;

pub use exchange::{Answer, Asked};
pub use raw::{RawConnection, RawServer};
pub use server::TestServer;
