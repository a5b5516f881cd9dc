//! Tasks, their records and outcomes.
//!
//! [`PlayRequestBuilder`](crate::PlayRequestBuilder) makes a [`Task`]; its record is a
//! [`RhaiTaskDetails`](crate::RhaiTaskDetails):
//!
//! ```
//! use rhai_dispatcher::task::{Cancelled, Limits, LogLevel};
//! use rhai_dispatcher::{RhaiDispatcher, TaskErrorKind, TaskFailure};
//!
//! # futures::executor::block_on(async {
//! let client = RhaiDispatcher::connect("memory:").await?;
//! let limits = Limits::default().with_max_operations(1_000);
//! let request = client.new_play_request().worker_id("worker-1").script("print(1); loop {}").limits(limits);
//! let details = request.await?;
//! assert_eq!(details.log.lines()[0].level, LogLevel::Print);
//! assert_eq!(client.cancel(details.task_id).await?, Cancelled::AlreadyFinished);
//! match details.into_result::<i64>() {
//!     Err(TaskFailure::Error(error)) => assert_eq!(error.kind, TaskErrorKind::Limit),
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

pub use rhai_dispatcher_core::{
    Cancelled, InstanceId, Json, Limits, LogLevel, LogLine, MethodName, Outcome, Output, Payload, Progress,
    RetryPolicy, ScriptFileError, Task, TaskLog, TimedOut, Uuid, integer_beyond_i64, read_script, read_script_from,
    script_text,
};
