use std::time::Duration;

use rhai_dispatcher::dispatcher::Figures;
use rhai_dispatcher::transport::WallTime;

use crate::dashboard::text::{Ago, count, percent, span};

/// The figures of a handler or of a method.
#[derive(Debug)]
pub(super) struct FiguresView {
    pub(super) calls: String,
    pub(super) errors: String,
    pub(super) has_errors: bool,
    pub(super) in_flight: String,
    pub(super) success: String,
    pub(super) average: String,
    pub(super) median: String,
    pub(super) p90: String,
    pub(super) p99: String,
    pub(super) last: Option<Ago>,
}

impl FiguresView {
    pub(super) fn new(figures: &Figures, now: WallTime) -> Self {
        let time = |time: Option<Duration>| time.map_or_else(|| "–".to_owned(), span);
        Self {
            calls: count(figures.calls),
            errors: count(figures.errors),
            has_errors: figures.errors > 0,
            in_flight: count(figures.in_flight),
            success: figures.success_rate.map_or_else(|| "–".to_owned(), percent),
            average: time(figures.average_time),
            median: time(figures.median_time),
            p90: time(figures.p90_time),
            p99: time(figures.p99_time),
            last: figures.last_activity.map(|at| Ago::new(at, now)),
        }
    }
}
