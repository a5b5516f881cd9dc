//! HTTP calls from scripts: `http_get`, `http_post`, `http_put`, `http_patch`, `http_delete`, `http_request`.
//!
//! ```
//! use rhai_dispatcher::engine::EngineConfig;
//! use rhai_dispatcher::http::{HttpConfig, HttpModule, TokioBridge};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = HttpModule::new(HttpConfig::new(), TokioBridge::new())?.install(EngineConfig::new());
//! # Ok(())
//! # }
//! ```

pub use rhai_dispatcher_http::*;
pub use rhai_dispatcher_tokio_bridge::{BridgeClosed, TokioBridge};
