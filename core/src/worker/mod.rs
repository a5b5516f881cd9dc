//! The side that runs tasks: lanes over a handler.

mod config;
mod deadlines;
mod early_stops;
mod finishes;
mod handler;
mod intake;
mod job;
mod jobs;
mod lane;
mod lane_state;
mod running_tasks;
mod stop;
mod supervisor;
#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod worker;

pub use config::WorkerConfig;
pub use handler::{Handler, Ran, Run};
pub use running_tasks::{LaneSlot, RunningTasks};
pub use stop::{Stop, StopToken};
pub use worker::{Drained, RunningWorker, Worker, WorkerError};
