//! One run of a script.
//!
//! - `script_run`: [`ScriptRun`], what the script's fiber and its native functions share
//! - `lane_engine`, `script_cache`: [`LaneEngine`], the engine that it runs on, with what that has compiled
//! - `function_call`: [`FunctionCall`], the function that it calls, if the task is a call; `bind` finds it
//! - `module_name`: [`ModuleName`], the only way to the file of a module
//! - `captured`: [`Captured`], the variables that its closures have captured; `capture` notes them
//! - `task_state`: what native functions keep for the task
//! - `progress`: what happens at an operation: the script yields, or ends
//! - `end`: [`End`], why it ends
//! - `unwinding`: how it ends where Rhai would swallow an error
//! - `wait`: suspends it until a future is ready
//! - `call_trace`: which native function it is in
//! - `panic_place`: [`PanicPlace`], which call panicked

mod bind;
mod call_trace;
mod capture;
mod captured;
mod end;
mod function_call;
mod lane_engine;
mod module_name;
mod panic_place;
mod progress;
mod script_cache;
mod script_run;
mod task_state;
mod unwinding;
mod wait;

pub(crate) use bind::{Bound, bind};
pub(crate) use capture::note_captured;
pub(crate) use end::End;
pub use function_call::{FunctionCall, ModuleTexts};
pub(crate) use lane_engine::LaneEngine;
pub(crate) use module_name::ModuleName;
pub(crate) use panic_place::PanicPlace;
pub(crate) use progress::{on_progress, yield_point};
pub(crate) use script_run::ScriptRun;
pub(crate) use unwinding::{catch, on_operation};
pub(crate) use wait::conclude_wait;
pub use wait::wait;
