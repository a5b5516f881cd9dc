//! How scripts are run.
//!
//! - `engine_config`: [`EngineConfig`], all settings
//! - `script_limits`: [`ScriptLimits`], those of them that a task can lower, made of the table of limits in
//!   `core/src/task/limit_table.rs`
//! - `limit_name`: [`LimitName`], for errors

mod engine_config;
mod limit_name;
mod script_limits;

pub use engine_config::EngineConfig;
pub(crate) use limit_name::{LimitName, limit_name};
pub use script_limits::ScriptLimits;
