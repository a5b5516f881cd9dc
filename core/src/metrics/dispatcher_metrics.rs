use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::{Error, SubmitError, SubmitOneError, Submitted, TaskDetails, TaskStatus};

/// What a dispatcher counts. All dispatchers of a process add to the same figures.
#[derive(Debug)]
pub(crate) struct DispatcherMetrics {
    accepted: Counter,
    joined: Counter,
    refused: Counter,
    failed: Counter,
    requests: [Counter; RESULTS.len()],
    in_flight: Gauge,
    seconds: Histogram,
    queue_seconds: Histogram,
}

/// A request that is counted as in flight until this is dropped.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Gauge);

const RESULTS: [&str; 5] = ["completed", "error", "cancelled", "timeout", "failed"];
const TIMEOUT: usize = 3;
const FAILED: usize = 4;

impl Default for DispatcherMetrics {
    fn default() -> Self {
        let submits = |result: &'static str| counter!("rhai_dispatcher_submits_total", "result" => result);
        Self {
            accepted: submits("accepted"),
            joined: submits("joined"),
            refused: submits("refused"),
            failed: submits("failed"),
            requests: RESULTS.map(|result| counter!("rhai_dispatcher_requests_total", "result" => result)),
            in_flight: gauge!("rhai_dispatcher_requests_in_flight"),
            seconds: histogram!("rhai_dispatcher_request_seconds"),
            queue_seconds: histogram!("rhai_dispatcher_queue_seconds"),
        }
    }
}

impl DispatcherMetrics {
    /// The transport has answered the submit of one task, or failed.
    pub(crate) fn answered_one(&self, answer: &Result<Submitted, SubmitOneError>) {
        match answer {
            Ok(Submitted::Accepted(_)) => &self.accepted,
            Ok(Submitted::Joined(_)) => &self.joined,
            Err(SubmitOneError::Task(_)) => &self.refused,
            Err(SubmitOneError::Transport(_)) => &self.failed,
        }
        .increment(1);
    }

    /// The transport has answered the submit of a task among others.
    pub(crate) fn answered(&self, answer: &Result<Submitted, SubmitError>) {
        match answer {
            Ok(Submitted::Accepted(_)) => &self.accepted,
            Ok(Submitted::Joined(_)) => &self.joined,
            Err(_) => &self.refused,
        }
        .increment(1);
    }

    /// The transport has failed to submit so many tasks.
    pub(crate) fn failed(&self, tasks: usize) {
        self.failed.increment(tasks as u64);
    }

    /// A caller begins to wait.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.increment(1.0);
        InFlight(&self.in_flight)
    }

    /// The caller has its answer.
    pub(crate) fn end(&self, answer: &Result<TaskDetails, Error>, took: Duration) {
        let result = match answer {
            Ok(details) => {
                self.seconds.record(took);
                if let Some(started_at) = details.started_at {
                    self.queue_seconds.record(started_at - details.created_at);
                }
                match details.status {
                    TaskStatus::Completed => 0,
                    TaskStatus::Error => 1,
                    _ => 2,
                }
            }
            Err(Error::Timeout(_)) => TIMEOUT,
            Err(_) => FAILED,
        };
        self.requests[result].increment(1);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
