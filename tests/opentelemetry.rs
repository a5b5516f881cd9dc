//! The trace of a caller that OpenTelemetry knows. What a worker exports is tested in cli/tests/otel/.
#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::sync::Arc;

use futures::executor::block_on;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use rhai_dispatcher::opentelemetry::OpenTelemetry;
use rhai_dispatcher::{PlayRequestBuilder, RhaiDispatcher};

/// The trace in the record of a request, and its state.
fn trace_of(request: PlayRequestBuilder) -> Option<(String, Option<String>)> {
    let trace = block_on(request.worker_id("worker-1").script("1").await_response()).unwrap().trace?;
    Some((trace.traceparent(), trace.tracestate().map(str::to_owned)))
}

#[test]
fn request_has_the_trace_of_its_callers_active_span() {
    let client = RhaiDispatcher::builder().caller_id("my-app").url("memory:");
    let client = client.trace_source(Arc::new(OpenTelemetry)).build().unwrap();
    assert_eq!(trace_of(client.new_play_request()), None);

    let state = TraceState::from_key_value([("vendor", "value")]).unwrap();
    let span = SpanContext::new(7_u128.into(), 9_u64.into(), TraceFlags::SAMPLED, false, state);
    let active = Context::new().with_remote_span_context(span).attach();
    let begun = client.new_play_request();
    let callers = format!("00-{:032x}-{:016x}-01", 7, 9);
    let own = format!("00-{:032x}-{:016x}-00", 1, 2);
    assert_eq!(trace_of(client.new_play_request().traceparent(&own)), Some((own, None)));
    let first = block_on(client.new_play_request().worker_id("worker-1").script("1").submit()).unwrap();
    drop(active);

    let expected = Some((callers.clone(), Some("vendor=value".to_owned())));
    assert_eq!(trace_of(begun), expected, "it was begun in the span");
    let first = block_on(client.wait(first, std::time::Duration::from_secs(600))).unwrap();
    assert_eq!(first.trace.map(|trace| trace.traceparent()), Some(callers));
    let again = block_on(client.resubmit(first.task_id)).unwrap();
    assert_eq!(block_on(client.status(again)).unwrap().trace, None, "it is submitted outside of the span");
}
