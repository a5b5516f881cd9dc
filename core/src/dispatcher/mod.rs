//! The side that submits tasks and waits for them.

mod activity;
mod config;
mod directory_reads;
mod discovery;
#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod dispatcher;
mod inspect;
mod preflight;
mod progress;
mod queue_reads;
mod request;
mod tasks;
mod timed_out;
mod trace_source;

pub use activity::{ActivityCursor, ActivityPage, ActivityRequest, ErrorGroup, ErrorGroups};
pub use config::DispatcherConfig;
pub use dispatcher::Dispatcher;
pub use preflight::Preflight;
pub use progress::Progress;
pub use request::PlayRequestBuilder;
pub use tasks::{ListedTask, TaskListCursor, TaskListPage, TaskListRequest};
pub use timed_out::TimedOut;
pub use trace_source::TraceSource;
