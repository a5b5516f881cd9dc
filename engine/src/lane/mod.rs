//! Running scripts on a lane, many at a time.
//!
//! - `lane_resources`: [`LaneResources`], what the scripts of one lane share
//! - `lane_engines`: its engines, one for each set of limits that its tasks ask for
//! - `script_future`: [`ScriptFuture`], one task, from its first poll to its outcome
//! - `run_script`: its script, on the fiber
//! - `admission`: how many scripts the lane begins
//! - `run_slot`: which of those that have used up their slice continues

mod admission;
mod lane_engines;
mod lane_resources;
mod run_script;
mod run_slot;
mod script_future;

pub(crate) use lane_resources::LaneResources;
pub(crate) use script_future::ScriptFuture;
