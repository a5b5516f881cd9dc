//! The side that runs tasks: lanes over a handler.

mod config;
mod deadlines;
mod drained;
mod early_stops;
mod ends;
mod error;
mod event_sink;
mod figures;
mod finishes;
mod handler;
mod instance_monitor;
mod intake;
mod job;
mod jobs;
mod lane;
mod lane_state;
mod run_probe;
mod run_queue;
mod running_tasks;
mod stop;
mod task_span;
mod task_tracer;
mod task_waker;
mod telemetry;
#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod worker;

pub use config::WorkerConfig;
pub use drained::Drained;
pub use error::WorkerError;
pub use event_sink::EventSink;
pub use figures::{FiguresConfig, MethodSource};
pub use handler::{Handler, Ran, Run};
pub use run_probe::{RunNotes, RunProbe};
pub use running_tasks::{LaneSlot, RunningTasks};
pub use stop::{Stop, StopToken};
pub use task_tracer::TaskTracer;
pub use worker::{RunningWorker, Worker};

/// The target of the spans of tasks, and of the log lines about their failures.
const SPAN_TARGET: &str = "rhai_dispatcher::task";
