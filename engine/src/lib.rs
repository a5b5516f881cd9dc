//! Runs Rhai scripts on fibers, many to a thread.
//!
//! Every script runs on a fiber of its own. While it waits, in `sleep` or in any native function
//! that calls [`wait`], its thread runs other scripts; ten thousand waiting scripts need one
//! thread.
//!
//! # What scripts see
//! - The constants `worker_id`, `caller_id`, `context_id` (unit if there is none), `task_id`,
//!   `delivery` and `args` (an object map), also in capitals, and also in functions. A variable of
//!   the script's own with such a name hides the constant.
//! - The secrets of [`EngineConfig::with_secret`], by their names, as values that read `[secret]`.
//! - `print` and `debug`, which write to the task's log, and `sleep(seconds)`, which suspends.
//! - No files, no `import`, and no `eval` unless [`EngineConfig::allow_eval`] says so.
//!
//! # Layout
//! - `handler`: [`RhaiHandler`], what a worker's lane drives.
//! - `config`: [`EngineConfig`], its limits and what scripts can call.
//! - `checker`: [`ScriptChecker`], which parses scripts before they are queued.
//! - `lane`: what the scripts of one lane share.
//! - `script/`: one script: building engines, constants, ticks, waits, errors, results.
//! - `fiber/`: stackful coroutines behind futures, and their stacks. All unsafe code is there.

mod call;
mod checker;
mod config;
mod fiber;
mod handler;
mod lane;
mod request;
mod script;
mod task_context;

pub use call::{
    Acquire, Arguments, AsyncFnConfig, AsyncFunction, Call, CallBody, IntoValue, Parameter, Reply, Slot,
    Slots, This,
};
pub use checker::ScriptChecker;
pub use config::EngineConfig;
pub use fiber::WaitError;
pub use handler::RhaiHandler;
pub use script::{Secret, to_json, wait};
pub use task_context::TaskContext;
