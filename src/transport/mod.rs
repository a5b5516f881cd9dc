//! Transports: what carries tasks between dispatchers and workers.
//!
//! [`Transport`] is the contract, which [`MemoryTransport`] and [`RedisTransport`]
//! keep. A URL makes one; a program makes one itself to set its clock or to share it between builders:
//!
//! ```
//! use std::sync::Arc;
//!
//! use rhai_dispatcher::transport::{MemoryConfig, MemoryTransport, Transport, TransportConfig};
//! use rhai_dispatcher::{RhaiDispatcher, RhaiWorker};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = TransportConfig::default().with_queue_limit(10);
//! let transport: Arc<dyn Transport> =
//!     Arc::new(MemoryTransport::new(MemoryConfig::default().with_transport(config)));
//! let client = RhaiDispatcher::builder().caller_id("my-app").transport(transport.clone()).build()?;
//! let worker = RhaiWorker::builder("worker-1").transport(transport).threads(1).build()?;
//! # futures::executor::block_on(async {
//! let running = worker.start().await?;
//! let sum: i64 = client.new_play_request().worker_id("worker-1").script("40 + 2").await?.into_result()?;
//! assert_eq!(sum, 42);
//! running.drain().await?;
//! # Ok(())
//! # })
//! # }
//! ```

pub(crate) mod settings;
pub(crate) mod transport_choice;

/// The futures and streams that [`Transport`], [`Consumer`] and [`Clock`] return.
pub use futures::{future::BoxFuture, stream::BoxStream};
pub use rhai_dispatcher_core::{
    Added, Claim, Claimed, Clock, Completion, Consumer, Counters, CrashReport, EventBuffer, EventLimits,
    EventQueue, Finish, Finished, Health, Histogram, Inquiries, Inquiry, InspectError, InstanceId,
    InstanceInfo, InstanceReport, InstanceSpec, MethodFigures, OutcomeError, PendingInquiry, QueueInfo,
    QueuePart, Reported, Requeued, RunEvent, RunId, Secret, Signal, SubmitError, SubmitOneError, Submitted,
    SystemClock, TaskCursor, TaskPage, Tick, Transport, TransportConfig, TransportError, TransportExt,
    TransportUrl, UrlParameters, UrlValue, WallTime,
};
#[cfg(feature = "memory")]
pub use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};
#[cfg(feature = "redis")]
pub use rhai_dispatcher_redis::{Durability, RedisConfig, RedisTransport};
#[cfg(feature = "redis")]
pub use rhai_dispatcher_tokio_bridge::{BridgeClosed, TokioBridge};
