//! Tests that move the clock while scripts sleep.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rhai_dispatcher::engine::EngineConfig;
use rhai_dispatcher::task::Progress;
use rhai_dispatcher::testing::TestHarness;
use rhai_dispatcher::transport::TransportConfig;
use rhai_dispatcher::{
    CancelReason, PlayRequestBuilder, RhaiDispatcher, RhaiDispatcherError, RhaiWorker, TaskFailure,
    TaskStatus, WorkerId,
};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn request(client: &RhaiDispatcher, script: &str) -> PlayRequestBuilder {
    client.new_play_request().worker_id("worker-1").script(script)
}

#[test]
fn a_script_outlives_leases_while_the_clock_moves() {
    let lease = Duration::from_millis(2_500);
    let harness =
        TestHarness::builder().transport(TransportConfig::default().with_lease(lease)).build().unwrap();
    let client = harness.dispatcher();
    let sleeps = request(client, "sleep(3000); delivery");
    let id = harness.block_on(sleeps.submit()).unwrap();
    for _ in 0..49 {
        harness.advance(Duration::from_secs(60));
        assert_eq!(harness.block_on(client.status(id)).unwrap().status, TaskStatus::Processing);
    }
    harness.advance(Duration::from_secs(60));
    let details = harness.block_on(client.status(id)).unwrap();
    assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Completed, 1, 0));
}

#[test]
fn an_advance_stops_at_each_due_time() {
    let harness = TestHarness::new();
    let client = harness.dispatcher();
    let ids: Vec<_> = (1..=100)
        .map(|seconds| request(client, "sleep(args.seconds); args.seconds").arg("seconds", seconds))
        .map(|sleeps| harness.block_on(sleeps.submit()).unwrap())
        .collect();
    harness.advance(Duration::from_secs(100));
    let ended: Vec<_> = ids.iter().map(|id| harness.block_on(client.status(*id)).unwrap()).collect();
    let times: Vec<_> = ended.iter().map(|details| details.updated_at).collect();
    let expected: Vec<_> =
        (1..=100).map(|seconds| ended[0].created_at + Duration::from_secs(seconds)).collect();
    assert_eq!(times, expected);
}

#[test]
fn idle_is_when_every_task_has_ended() {
    let engine = EngineConfig::new().with_max_wall_time(HOUR * 3).with_blocking_fn("compute", || {
        std::thread::sleep(Duration::from_millis(5));
        Ok::<_, String>(1)
    });
    let harness = TestHarness::builder().engine(engine).build().unwrap();
    let client = harness.dispatcher();
    assert_eq!(harness.advance_until_idle(), Duration::ZERO);
    let script = r#"dispatch("worker-2", "sleep(7200); compute()") + compute()"#;
    let parent = request(client, script).deadline_in(HOUR * 3);
    let parent = harness.block_on(parent.submit()).unwrap();
    let delayed = request(client, "sleep(1)").delay(HOUR * 4);
    let delayed = harness.block_on(delayed.submit()).unwrap();
    assert_eq!(harness.advance_until_idle(), HOUR * 4 + Duration::from_secs(1));
    assert_eq!(harness.block_on(client.status(parent)).unwrap().into_result::<i64>().unwrap(), 2);
    assert_eq!(harness.block_on(client.status(delayed)).unwrap().status, TaskStatus::Completed);
    assert_eq!(harness.advance_until_idle(), Duration::ZERO);
}

#[test]
fn the_clock_moves_while_a_future_waits() {
    let tries = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&tries);
    let engine = EngineConfig::new().with_async_fn("flaky", move || {
        let tried = count.fetch_add(1, Ordering::Relaxed);
        async move { if tried < 2 { Err("not yet") } else { Ok(tried) } }
    });
    let harness = TestHarness::builder().engine(engine).build().unwrap();
    let flaky = request(harness.dispatcher(), "flaky()").retries(2).backoff(HOUR, HOUR).without_timeout();
    assert_eq!(harness.block_on(flaky.await_response()).unwrap().into_result::<u64>().unwrap(), 2);
}

#[test]
fn a_timeout_says_why() {
    let harness = TestHarness::builder().without_worker().build().unwrap();
    let client = harness.dispatcher();
    let why = |request: PlayRequestBuilder| match harness.block_on(request.await_response()) {
        Err(RhaiDispatcherError::Timeout(timed_out)) => {
            let text = RhaiDispatcherError::Timeout(timed_out.clone()).to_string();
            let progress = timed_out.progress();
            let expected = format!("task {timed_out} did not end within its timeout: {progress}");
            assert_eq!(text, expected);
            progress.clone()
        }
        other => panic!("{other:?}"),
    };
    let worker_id = WorkerId::try_from("worker-1").unwrap();
    assert_eq!(why(request(client, "1")), Progress::NotServed { worker_id: worker_id.clone() });

    let worker = RhaiWorker::builder("worker-1").url(harness.url()).threads(1);
    let worker =
        harness.block_on(worker.engine(EngineConfig::new().with_max_in_flight(1)).build().unwrap().start());
    let _worker = worker.unwrap();
    let running = request(client, "sleep(60)").without_timeout();
    let running = harness.block_on(running.submit()).unwrap();
    let waiting = harness.block_on(request(client, "1").submit()).unwrap();
    let expected = Progress::Queued { worker_id: worker_id.clone(), ahead: 1, running: 1, instances: 1 };
    assert_eq!(why(request(client, "2").timeout(Duration::from_secs(1))), expected);
    let behind = Progress::Queued { worker_id: worker_id.clone(), ahead: 0, running: 1, instances: 1 };
    assert_eq!(harness.block_on(client.progress(waiting)).unwrap(), behind);
    let since = harness.block_on(client.status(running)).unwrap().started_at;
    let progress = harness.block_on(client.progress(running)).unwrap();
    assert!(matches!(progress, Progress::Running { since: at, .. } if at == since), "{progress}");
    assert_eq!(harness.advance_until_idle(), Duration::from_secs(59));

    let slow = why(request(client, "sleep(60)").timeout(Duration::from_secs(1)));
    assert!(matches!(slow, Progress::Running { .. }), "{slow}");
    let delayed = why(request(client, "1").delay(HOUR));
    assert!(matches!(delayed, Progress::Delayed { .. }), "{delayed}");
    let fails = request(client, "throw `no`").retries(1).backoff(HOUR, HOUR).keep_on_timeout();
    let retries = why(fails);
    assert!(matches!(retries, Progress::Retrying { failed: 1, .. }), "{retries}");
    harness.block_on(client.transport().set_paused(&worker_id, true)).unwrap();
    assert_eq!(why(request(client, "1")), Progress::Paused { worker_id });
}

#[test]
fn a_cancelled_task_has_no_result() {
    let harness = TestHarness::new();
    let client = harness.dispatcher();
    let expires = request(client, "sleep(60)").deadline_in(Duration::from_secs(1));
    let details = harness.block_on(expires.without_timeout().await_response()).unwrap();
    let failure = details.into_result::<()>().unwrap_err();
    assert_eq!(failure, TaskFailure::Cancelled(CancelReason::Expired));
}

#[test]
fn harnesses_share_nothing() {
    let harnesses = [TestHarness::new(), TestHarness::new()];
    assert_ne!(harnesses[0].url(), harnesses[1].url());
    let client = harnesses[0].dispatcher();
    let id = harnesses[0].block_on(request(client, "sleep(60)").submit()).unwrap();
    harnesses[0].advance(Duration::ZERO);
    harnesses[1].advance(HOUR);
    assert_eq!(harnesses[0].block_on(client.status(id)).unwrap().status, TaskStatus::Processing);
    let other = harnesses[1].block_on(harnesses[1].dispatcher().status(id));
    assert!(matches!(other, Err(RhaiDispatcherError::NotFound(_))), "{other:?}");
}

#[cfg(feature = "handlers")]
#[test]
fn methods_go_by_the_clock_too() {
    use rhai_dispatcher::handlers::{FolderConfig, Handlers, MethodHandler, ScriptFolder};

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("api.rhai"), "fn nap(seconds) { sleep(seconds); delivery }")
        .unwrap();
    let folder = ScriptFolder::open(directory.path(), FolderConfig::new(), &EngineConfig::new()).unwrap();
    let slow = MethodHandler::new("slow").with_method("wait", std::future::pending::<Result<(), String>>);
    let engine = EngineConfig::new().with_max_wall_time(HOUR);
    let handlers = Handlers::new([slow], Some(folder)).unwrap();
    let harness = TestHarness::builder().engine(engine).handlers(handlers).build().unwrap();
    let call = |method: &str| harness.dispatcher().call(method).worker_id("worker-1").timeout(2 * HOUR);
    let nap = harness.block_on(call("api.nap").arg("seconds", 1800).await_response()).unwrap();
    assert_eq!(nap.into_result::<i64>().unwrap(), 1);
    let late = harness.block_on(call("slow.wait").await_response()).unwrap();
    assert_eq!(late.error.unwrap().kind, rhai_dispatcher::TaskErrorKind::Timeout);
}

#[cfg(feature = "handlers")]
#[test]
fn a_harness_has_handlers() {
    use rhai_dispatcher::handlers::{Handlers, MethodHandler};

    let math = || {
        MethodHandler::new("math").with_method("half", |(n,): (i64,)| async move { Ok::<_, String>(n / 2) })
    };
    let other = MethodHandler::new("other").with_method("one", || async { Ok::<_, String>(1) });
    let harness = TestHarness::builder().handler(math()).handler(other).build().unwrap();
    let call = harness.dispatcher().call("math.half").worker_id("worker-1").params([42]);
    assert_eq!(harness.block_on(call.await_response()).unwrap().into_result::<i64>().unwrap(), 21);
    let call = harness.dispatcher().call("other.one").worker_id("worker-1");
    assert_eq!(harness.block_on(call.await_response()).unwrap().into_result::<i64>().unwrap(), 1);
    let handlers = Handlers::new([math()], None).unwrap();
    let both = TestHarness::builder().handler(math()).handlers(handlers).build().unwrap_err();
    assert!(both.to_string().starts_with("handler: is given beside handlers"), "{both}");
}
