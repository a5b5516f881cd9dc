//! What is sent, and what is known of it.

mod details;
mod error;
mod failure;
mod id;
mod json;
mod json_integers;
mod limit_table;
mod limits;
mod log;
mod method_name;
mod outcome;
mod output;
mod priority;
mod retry;
mod script_text;
mod status;
mod summary;
#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod task;
mod trace_context;
mod trace_state;
mod worker_id;

pub use details::TaskDetails;
pub use error::{TaskError, TaskErrorKind};
pub use failure::TaskFailure;
pub use id::{InstanceId, TaskId};
pub use json::Json;
pub use json_integers::integer_beyond_i64;
pub use limits::Limits;
pub use log::{LogLevel, LogLine, TaskLog};
pub use method_name::MethodName;
pub use outcome::Outcome;
pub use output::Output;
pub use priority::Priority;
pub use retry::RetryPolicy;
pub use script_text::{ScriptFileError, read_script, read_script_from, script_text};
pub use status::{CancelReason, TaskStatus};
pub use summary::TaskSummary;
pub use task::{Payload, Task};
pub use trace_context::TraceContext;
pub use worker_id::WorkerId;
