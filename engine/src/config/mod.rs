//! How scripts are run.
//!
//! - `engine_config`: [`EngineConfig`], its settings with their defaults
//! - `lowering`: the limits that a task asks for

mod engine_config;
mod lowering;

pub use engine_config::EngineConfig;
