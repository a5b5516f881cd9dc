use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use super::method_counters::RunEnd;
use crate::WorkerId;

/// What one lane tells the recorder of a method.
#[derive(Debug)]
pub(super) struct MethodMetrics {
    completed: Counter,
    errors: Counter,
    cancelled: Counter,
    seconds: Histogram,
}

impl MethodMetrics {
    pub(super) fn new(worker_id: &WorkerId, method: &str) -> Self {
        let (id, method) = (worker_id.to_string(), method.to_owned());
        let ended = |status: &'static str| counter!("rhai_method_calls_total", "worker_id" => id.clone(), "method" => method.clone(), "status" => status);
        Self {
            completed: ended("completed"),
            errors: ended("error"),
            cancelled: ended("cancelled"),
            seconds: histogram!("rhai_method_seconds", "worker_id" => id.clone(), "method" => method.clone()),
        }
    }

    pub(super) fn end(&self, end: RunEnd, took: Duration) {
        let counter = match end {
            RunEnd::Completed => &self.completed,
            RunEnd::Error => &self.errors,
            RunEnd::Cancelled => &self.cancelled,
            RunEnd::Undone => return,
        };
        counter.increment(1);
        self.seconds.record(took);
    }
}
