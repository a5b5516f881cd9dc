//! What a gateway counts, through the facade of the crate `metrics`: without a recorder each figure costs a comparison.

mod call_metrics;
mod limits;
mod metrics_text;
mod table;
mod traffic;

pub(crate) use call_metrics::CallMetrics;
pub(crate) use limits::count_limit;
pub use metrics_text::MetricsText;
pub use table::METRICS;
pub(crate) use traffic::{Counted, Entrance, Traffic};
