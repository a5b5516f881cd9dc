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
//!
//! A task that runs can be followed:
//!
//! ```
//! use futures::TryStreamExt;
//! use rhai_dispatcher::RhaiDispatcher;
//! use rhai_dispatcher::task::TaskEvent;
//!
//! # futures::executor::block_on(async {
//! let client = RhaiDispatcher::connect("memory:").await?;
//! let script = "for i in 0..3 { print(i); progress(i / 3.0, `step ${i}`); }";
//! let id = client.new_play_request().worker_id("worker-1").script(script).submit().await?;
//! let (mut events, mut printed) = (client.events(id), Vec::new());
//! while let Some(event) = events.try_next().await? {
//!     match event {
//!         TaskEvent::Line { text, .. } => printed.push(text),
//!         TaskEvent::Lost { lines, .. } => println!("{lines} lines were lost"),
//!         TaskEvent::Ended(details) => println!("{}", details.status),
//!         _ => {}
//!     }
//! }
//! assert_eq!(printed, ["0", "1", "2"]);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

pub use rhai_dispatcher_core::{
    Cancelled, InstanceId, Json, Limits, LogLevel, LogLine, MethodName, Outcome, Output, Payload, Progress,
    RetryPolicy, RunActivity, RunState, ScriptFileError, ScriptPlace, Task, TaskEvent, TaskEvents, TaskLog,
    TaskSummary, TimedOut, TraceContext, Uuid, integer_beyond_i64, read_script, read_script_from,
    script_text,
};
