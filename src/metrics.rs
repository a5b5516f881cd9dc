//! What workers and dispatchers count, through the facade of the crate `metrics`.
//!
//! Install any recorder of that crate before transports, dispatchers and workers are made, in the version that this crate
//! uses (0.24): each of them asks for its metrics once. Without a recorder they cost next to nothing. `rhaid worker
//! --metrics ADDR` does all this by itself; docs/operations.md lists the metrics.
//!
//! ```
//! use std::sync::Arc;
//!
//! use rhai_dispatcher::metrics::{self, TransportMetrics};
//! use rhai_dispatcher::transport::{MemoryConfig, MemoryTransport, Transport};
//! use rhai_dispatcher::{RhaiWorker, WorkerId};
//!
//! # futures::executor::block_on(async {
//! // First the recorder, such as that of metrics-exporter-prometheus:
//! // PrometheusBuilder::new().install()?;
//! metrics::describe();
//! let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
//! let worker = RhaiWorker::builder("worker-1").transport(transport.clone()).build()?.start().await?;
//!
//! // The figures of the queue cost a call: read them before each scrape.
//! let queue = TransportMetrics::new(transport, WorkerId::try_from("worker-1")?);
//! queue.sample().await;
//! # worker.drain().await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

pub use rhai_dispatcher_core::{Metric, MetricKind, TransportMetrics};

/// All metrics of this crate and its features.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    #[cfg(feature = "engine")]
    let of_engine = rhai_dispatcher_engine::METRICS;
    #[cfg(not(feature = "engine"))]
    let of_engine: &[Metric] = &[];
    rhai_dispatcher_core::METRICS.iter().chain(of_engine)
}

/// Tells the installed recorder the unit and the meaning of all metrics.
pub fn describe() {
    all().for_each(Metric::describe);
}
