//! Traces of [OpenTelemetry](https://docs.rs/opentelemetry).
//!
//! A worker with an [`OpenTelemetry`] as its tracer gives each run of a task a span of OpenTelemetry, whose parent is the
//! span of the caller; a dispatcher with one takes the trace of the caller from the active context.
//!
//! The program sets up the export of spans: a provider of `opentelemetry_sdk`, and the layer of
//! [`tracing_opentelemetry`](https://docs.rs/tracing-opentelemetry) over its tracing subscriber. Without the layer nothing is
//! exported, and tasks pass on the trace of their caller.
//!
//! ```
//! use std::sync::Arc;
//!
//! use rhai_dispatcher::opentelemetry::OpenTelemetry;
//! use rhai_dispatcher::{RhaiDispatcher, RhaiWorker};
//!
//! # fn main() -> Result<(), rhai_dispatcher::RhaiDispatcherError> {
//! let tracer = Arc::new(OpenTelemetry);
//! let worker = RhaiWorker::builder("worker-1").url("memory:traced").tracer(tracer.clone()).build()?;
//! let client = RhaiDispatcher::builder().caller_id("my-app").url("memory:traced").trace_source(tracer).build()?;
//! # Ok(())
//! # }
//! ```

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use rhai_dispatcher_core::{Claimed, Finish, Outcome, TaskTracer, TraceContext, TraceSource};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Connects the traces of tasks to OpenTelemetry: the tracer of a worker, and the trace source of a dispatcher.
///
/// The span of a run has the name of the script or method, else `task`; the fields of the `tracing` span as attributes; the
/// attribute `outcome` (`completed`, `error`, `cancelled`, `retry`, or `released` for a run that begins anew elsewhere); and
/// the status *error* with the message if the run failed.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenTelemetry;

impl TaskTracer for OpenTelemetry {
    fn begin(&self, claimed: &Claimed, span: &Span) -> Option<TraceContext> {
        if let Some(parent) = claimed.task.trace.as_deref().and_then(span_context) {
            // It fails without the layer: then nothing is exported.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        let context = span.context();
        if let Some(label) = claimed.task.payload.label() {
            context.span().update_name(label.to_owned());
        }
        trace_context(context.span().span_context())
    }

    fn end(&self, span: &Span, finish: &Finish) {
        let (outcome, error) = match finish {
            Finish::Outcome(outcome @ Outcome::Error(error)) => (outcome.status().as_str(), Some(error)),
            Finish::Outcome(outcome) => (outcome.status().as_str(), None),
            Finish::RetryIn(_, error) => ("retry", Some(error)),
            Finish::Release | Finish::Requeue | Finish::Abandon => ("released", None),
        };
        let context = span.context();
        let span = context.span();
        span.set_attribute(KeyValue::new("outcome", outcome));
        if let Some(error) = error {
            span.set_attribute(KeyValue::new("error.type", error.kind.as_str().to_owned()));
            span.set_status(Status::error(error.message.clone()));
        }
    }
}

impl TraceSource for OpenTelemetry {
    fn current(&self) -> Option<TraceContext> {
        trace_context(Context::current().span().span_context())
    }
}

/// The context of a caller's span, which is in another process or was in another time.
fn span_context(trace: &TraceContext) -> Option<SpanContext> {
    let state = match trace.tracestate() {
        Some(state) => state.parse::<TraceState>().unwrap_or_default(),
        None => TraceState::default(),
    };
    let (trace_id, span_id) = (TraceId::from_bytes(trace.trace_id()), SpanId::from_bytes(trace.span_id()));
    let context = SpanContext::new(trace_id, span_id, TraceFlags::new(trace.flags()), true, state);
    context.is_valid().then_some(context)
}

/// None if the span is none of OpenTelemetry's.
fn trace_context(span: &SpanContext) -> Option<TraceContext> {
    let (trace_id, span_id) = (span.trace_id().to_bytes(), span.span_id().to_bytes());
    let context = TraceContext::new(trace_id, span_id, span.trace_flags().to_u8())?;
    let state = span.trace_state().header();
    // The trace is kept without a state that the format does not allow.
    Some(context.clone().with_tracestate(&state).unwrap_or(context))
}
