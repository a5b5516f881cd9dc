//! The Rhai engine: limits, functions for scripts, and secrets.
//!
//! ```
//! use rhai_dispatcher::engine::EngineConfig;
//! use rhai_dispatcher::RhaiDispatcher;
//!
//! # futures::executor::block_on(async {
//! let engine = EngineConfig::new()
//!     .with_max_operations(1_000_000)
//!     .with_async_fn("look_up", |name: String| async move { Ok::<_, String>(format!("Dr. {name}")) });
//! let client = RhaiDispatcher::builder().caller_id("my-app").url("memory:").engine(engine).connect().await?;
//! let request = client.new_play_request().worker_id("worker-1").script("look_up(args.name)").arg("name", "Ada");
//! let name: String = request.await?.into_result()?;
//! assert_eq!(name, "Dr. Ada");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

pub use rhai_dispatcher_engine::*;
