//! Workers: what runs tasks.
//!
//! [`RhaiWorker`] runs Rhai scripts. A [`Worker`] with a [`Handler`] of your own runs them, or
//! something else, in another way:
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::sync::Arc;
//! use std::task::{Context, Poll};
//!
//! use rhai_dispatcher::task::{Json, Outcome, TaskLog};
//! use rhai_dispatcher::transport::{MemoryConfig, MemoryTransport, Transport};
//! use rhai_dispatcher::worker::{Handler, LocalBoxFuture, Ran, Run, Worker};
//! use rhai_dispatcher::{RhaiDispatcher, WorkerId};
//!
//! /// Answers with the length of the script.
//! struct Length;
//!
//! impl Handler for Length {
//!     fn poll_ready(&self, _: &mut Context<'_>) -> Poll<NonZeroUsize> {
//!         Poll::Ready(NonZeroUsize::MIN)
//!     }
//!
//!     fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
//!         let length = run.claimed.task.payload.bytes();
//!         let output = Json::of(&length).expect("a number has a JSON form").into();
//!         Box::pin(async move { Ran::Finished(Outcome::Completed(output), TaskLog::new()) })
//!     }
//! }
//!
//! # futures::executor::block_on(async {
//! let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
//! let running = Worker::new(transport.clone(), WorkerId::try_from("length")?).start(|| Length).await?;
//! let client = RhaiDispatcher::builder().caller_id("my-app").transport(transport).build()?;
//! let length: usize = client.new_play_request().worker_id("length").script("1 + 2").await?.into_result()?;
//! assert_eq!(length, 5);
//! running.drain().await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

#[cfg(feature = "engine")]
mod builder;
#[cfg(feature = "engine")]
mod rhai_worker;

/// The future that [`Handler::handle`] returns.
pub use futures::future::LocalBoxFuture;
pub use rhai_dispatcher_core::{
    Drained, EventSink, FiguresConfig, Handler, LaneSlot, MethodSource, Ran, Run, RunNotes, RunProbe,
    RunningTasks, RunningWorker, Stop, StopToken, TaskTracer, Worker, WorkerConfig, WorkerError,
};

#[cfg(feature = "engine")]
#[doc(no_inline)]
pub use builder::RhaiWorkerBuilder;
#[cfg(feature = "engine")]
#[doc(no_inline)]
pub use rhai_worker::RhaiWorker;
