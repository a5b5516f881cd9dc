//! Time, randomness, encodings and hashes for scripts: `now`, `uuid`, `base64_encode`, `hmac_sha256` and more.
//!
//! ```
//! use rhai_dispatcher::engine::EngineConfig;
//! use rhai_dispatcher::stdlib::StdlibModule;
//!
//! let engine = StdlibModule::new().install(EngineConfig::new());
//! ```

pub use rhai_dispatcher_stdlib::*;
