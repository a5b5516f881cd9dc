use std::sync::Arc;

use super::SPAN_TARGET;
use super::task_span::TaskSpan;
use super::task_tracer::TaskTracer;
use crate::{Claim, Claimed, ErrorLog, Finish, Outcome, TaskError, TraceContext};

/// What a worker tells of its tasks: their spans, and a warning for each kind of failure.
#[derive(Debug, Default)]
pub(super) struct Telemetry {
    tracer: Option<Arc<dyn TaskTracer>>,
    log: ErrorLog,
}

impl Telemetry {
    pub(super) fn new(tracer: Option<Arc<dyn TaskTracer>>) -> Self {
        Self { tracer, log: ErrorLog::default() }
    }

    /// A run begins: its span, and the trace context of what it sends.
    pub(super) fn begin(&self, claimed: &Claimed) -> (TaskSpan, Option<Arc<TraceContext>>) {
        let Claimed { claim, attempt, deaths, .. } = *claimed;
        // Each try that ended in an error is an attempt, and a released start does not count.
        if claim.delivery > attempt.saturating_add(1)
            && let Some(left_out) = self.log.admit("taken over")
        {
            let Claim { task, delivery, .. } = claim;
            tracing::warn!(
                target: SPAN_TARGET,
                %task, delivery, attempt, deaths, left_out,
                "the task is started again, since an earlier start of it was lost with its instance or was given up"
            );
        }
        let span = TaskSpan::new(claimed);
        let traced = self.tracer.as_ref().zip(span.enabled());
        let own = traced.and_then(|(tracer, span)| tracer.begin(claimed, span)).map(Arc::new);
        (span, own.or_else(|| claimed.task.trace.clone()))
    }

    /// A run ends.
    pub(super) fn end(&self, claim: Claim, span: &TaskSpan, finish: &Finish) {
        if let Some((tracer, span)) = self.tracer.as_ref().zip(span.enabled()) {
            tracer.end(span, finish);
        }
        match finish {
            Finish::Outcome(Outcome::Error(error)) => {
                if let Some((left_out, message)) = self.admit("failed", error) {
                    let (task, kind) = (claim.task, error.kind.as_str());
                    tracing::warn!(
                        target: SPAN_TARGET, %task, kind, error = message, left_out, "the task has failed"
                    );
                }
            }
            Finish::RetryIn(backoff, error) => {
                if let Some((left_out, message)) = self.admit("retried", error) {
                    let (task, kind) = (claim.task, error.kind.as_str());
                    tracing::warn!(
                        target: SPAN_TARGET,
                        %task, kind, error = message, ?backoff, left_out, "the task has failed and is tried again"
                    );
                }
            }
            _ => {}
        }
    }

    /// Whether such an error is logged now: if so, how many were left out, and the beginning of its message.
    fn admit<'a>(&self, what: &str, error: &'a TaskError) -> Option<(u64, &'a str)> {
        let left_out = self.log.admit(&format!("{what} {}", error.kind))?;
        let end = error.message.char_indices().nth(MAX_MESSAGE).map_or(error.message.len(), |(end, _)| end);
        Some((left_out, &error.message[..end]))
    }
}

/// The most characters of an error's message that are logged.
const MAX_MESSAGE: usize = 200;
