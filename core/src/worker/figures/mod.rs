//! What a worker counts, and reports with its leases.

mod call_figures;
mod config;
mod lane_figures;
mod method_counters;
mod method_metrics;
mod method_source;
mod reports;

pub(super) use call_figures::CallFigures;
pub use config::FiguresConfig;
pub(super) use lane_figures::{CallMark, LaneFigures};
pub use method_source::MethodSource;
pub(super) use reports::Reports;

#[cfg(test)]
mod tests;
