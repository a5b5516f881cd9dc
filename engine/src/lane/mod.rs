//! Running scripts on a lane, many at a time.
//!
//! - `lane_resources`: [`LaneResources`], what the scripts of one lane share
//! - `lane_engines`: its engines, one for each set of limits that its tasks ask for
//! - `script_future`: [`ScriptFuture`], one task, from its first poll to its outcome
//! - `run_script`: its script, on the fiber
//! - `native_future`: a task that Rust code runs beside the scripts; `native_body`: [`NativeBody`], its future;
//!   `call_time`: [`CallTime`], how long it may run
//! - `lane_place`: [`LanePlace`], a task that waits before it runs
//! - `admission`: how many scripts the lane begins
//! - `run_slot`: which of those that have used up their slice continues

mod admission;
mod call_time;
mod lane_engines;
mod lane_place;
mod lane_resources;
mod native_body;
mod native_future;
mod run_script;
mod run_slot;
mod script_future;

pub use call_time::CallTime;
pub use lane_place::LanePlace;
pub(crate) use lane_resources::LaneResources;
pub use native_body::NativeBody;
pub(crate) use native_future::NativeFuture;
pub(crate) use script_future::ScriptFuture;
