//! What is counted.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/figures.rs"]
mod figures;
mod support;

use std::time::Duration;

use figures::Figures;
use rhai_dispatcher_core::{CancelReason, Stop};
use rhai_dispatcher_engine::{AsyncFnConfig, EngineConfig};
use support::Bench;

#[test]
fn scripts_and_requests_are_counted_and_gauges_return_to_zero() {
    let figures = Figures::default();
    metrics::with_local_recorder(&figures, || {
        let limits = AsyncFnConfig::new().with_max_concurrent(1);
        let config = EngineConfig::new().with_async_fn_config("one", limits, std::future::pending::<()>);
        let (bench, _) = Bench::with_stubs(config);

        bench.play_value("nap(1000); nap_async(500); 1");
        bench.play_error("fail(500)");
        let mut run = bench.start("never_async(); one_async(); one()");
        assert!(run.poll().is_pending());
        assert_eq!(figures.gauge("rhai_scripts_in_flight{}"), 1.0);
        assert_eq!(figures.gauge("rhai_fibers{}"), 1.0);
        assert_eq!(figures.gauge("rhai_memory_accounts{}"), 1.0);
        assert_eq!(figures.gauge("rhai_requests_in_flight{function=one}"), 2.0);
        assert_eq!(figures.gauge("rhai_requests_waiting{function=one}"), 1.0);
        assert!(figures.gauge("rhai_stack_bytes{}") > 0.0);
        bench.clock.advance(Duration::from_secs(10));
        assert!(run.poll().is_pending());
        run.stop.stop(Stop::Cancelled(CancelReason::Asked));
        assert!(run.poll().is_ready());
        drop(bench.start("never polled"));
        let mut dropped = bench.start("never(); never()");
        assert!(dropped.poll().is_pending());
        drop(dropped);
        let mut left = bench.start("never_async()");
        assert!(left.poll().is_pending());
        assert_eq!(figures.gauge("rhai_fibers{}"), 0.0, "its script has ended");
        bench.clock.advance(Duration::from_secs(10));
        assert!(left.poll().is_ready());
    });
    assert_eq!(figures.counter("rhai_scripts_started_total{}"), 6);
    assert_eq!(figures.counter("rhai_scripts_ended_total{status=completed}"), 2);
    assert_eq!(figures.counter("rhai_scripts_ended_total{status=failed}"), 1);
    assert_eq!(figures.counter("rhai_scripts_ended_total{status=stopped}"), 3);
    assert_eq!(figures.counter("rhai_requests_started_total{function=nap}"), 2);
    assert_eq!(figures.counter("rhai_requests_ended_total{function=nap,status=completed}"), 2);
    assert_eq!(figures.counter("rhai_requests_ended_total{function=fail,status=failed}"), 1);
    assert_eq!(figures.counter("rhai_requests_ended_total{function=never,status=timeout}"), 2);
    assert_eq!(figures.counter("rhai_requests_ended_total{function=never,status=cancelled}"), 1);
    assert_eq!(figures.counter("rhai_requests_ended_total{function=one,status=cancelled}"), 2);
    assert_eq!(figures.samples("rhai_request_seconds{function=nap}"), [1.0, 0.5]);
    assert_eq!(figures.samples("rhai_script_seconds{}").len(), 6);
    assert_eq!(figures.samples("rhai_script_cpu_seconds{}").len(), 6);
    assert!(figures.counter("rhai_slices_total{}") >= 7);
    figures.assert_gauges_are_zero("at the end");
}
