//! What is counted, through the facade of the crate `metrics`: without a recorder each figure costs a comparison.

mod dispatcher_metrics;
mod lane_metrics;
mod metric;
mod table;
mod task_ends;
mod transport_metrics;
mod worker_metrics;

pub(crate) use dispatcher_metrics::DispatcherMetrics;
pub(crate) use lane_metrics::LaneMetrics;
pub use metric::{Metric, MetricKind};
pub use table::METRICS;
pub(crate) use task_ends::EndsOfBatch;
pub use transport_metrics::TransportMetrics;
pub(crate) use worker_metrics::WorkerMetrics;
