//! Scripts that wait, and how they end while they do.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_core::{CancelReason, Clock, ManualClock, Outcome, Ran, Stop, TaskErrorKind};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler, WaitError, wait};
use support::Bench;

type Native = Result<(), Box<rhai::EvalAltResult>>;

/// Functions that wait for ever, and one that counts the destructors that ran.
fn waiting(dropped: &Arc<AtomicUsize>) -> EngineConfig {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::clone(dropped);
    EngineConfig::new().with_setup(move |engine| {
        let dropped = Arc::clone(&dropped);
        engine.register_fn("for_ever", move || -> Native {
            let _dropped = Dropped(Arc::clone(&dropped));
            Ok(wait(pending())?)
        });
        engine.register_fn("wait_in_drop", || -> Native {
            struct Waits;
            impl Drop for Waits {
                fn drop(&mut self) {
                    assert!(matches!(wait(pending::<()>()), Err(WaitError::Stopped(_))));
                }
            }
            let _waits = Waits;
            Ok(wait(pending())?)
        });
        engine.register_fn("stubborn", || -> Native {
            for _ in 0..10 {
                let _ = wait(pending::<()>());
            }
            Ok(())
        });
    })
}

#[test]
fn sleep_counts_seconds_and_suspends() {
    let bench = Bench::new();
    let mut runs: FuturesUnordered<_> = (0..100)
        .map(|i| bench.start(&format!("sleep({}); {i}", if i % 2 == 0 { "2" } else { "1.5" })).future)
        .collect();
    assert!(runs.next().now_or_never().is_none());
    bench.clock.advance(Duration::from_millis(1499));
    assert!(runs.next().now_or_never().is_none());
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!((0..50).filter_map(|_| runs.next().now_or_never()).count(), 50);
    assert!(runs.next().now_or_never().is_none());
    bench.clock.advance(Duration::from_millis(500));
    assert_eq!((0..50).filter_map(|_| runs.next().now_or_never().flatten()).count(), 50);
}

#[test]
fn sleep_of_nothing_does_not_wait() {
    let bench = Bench::new();
    for seconds in ["0", "0.0", "-0.0"] {
        assert_eq!(bench.value(&format!("sleep({seconds}); 1")), "1", "{seconds}");
    }
}

#[test]
fn waiting_scripts_take_no_place_in_the_run_queue() {
    let bench = Bench::with(EngineConfig::new().with_run_queue(8).with_max_in_flight(20));
    assert_eq!(bench.room(), Some(8));
    let mut runs: Vec<_> = (0..8).map(|_| bench.start("sleep(1)")).collect();
    assert_eq!(bench.room(), None, "they can run");
    assert!(runs.iter_mut().all(|run| run.poll().is_pending()));
    assert_eq!(bench.room(), Some(8), "they wait");
    runs.extend((0..8).map(|_| bench.start("sleep(1)")));
    assert!(runs.iter_mut().all(|run| run.poll().is_pending()));
    assert_eq!(bench.room(), Some(4), "20 in flight");
    drop(runs);
    assert_eq!(bench.room(), Some(8));
}

#[test]
fn many_burning_scripts_leave_room_for_others() {
    let clock = ManualClock::new();
    let time = clock.clone();
    let config = EngineConfig::new().with_setup(move |engine| {
        let time = time.clone();
        engine.register_fn("burn", move || time.advance(Duration::from_millis(2)));
    });
    let bench = Bench { handler: RhaiHandler::new(&config), clock };
    let mut runs: Vec<_> = (0..50).map(|_| bench.start("loop { burn() }")).collect();
    for run in &mut runs {
        assert!(run.poll().is_pending());
    }
    assert!(bench.room().is_some(), "CPU-bound scripts share the run slot");
}

#[test]
fn room_wakes_whoever_waits_for_it() {
    use rhai_dispatcher_core::Handler;
    let bench = Bench::with(EngineConfig::new().with_run_queue(2));
    let handler = bench.handler.clone();
    let room = poll_fn(move |cx| handler.poll_ready(cx));
    let (first, second) = (bench.start("1"), bench.start("2"));
    let mut both: FuturesUnordered<_> = [first.future, second.future].into_iter().collect();
    let room = futures::executor::block_on(async {
        let room = async { room.await.get() };
        futures::pin_mut!(room);
        assert!(futures::poll!(room.as_mut()).is_pending());
        futures::join!(room, async { while both.next().await.is_some() {} }).0
    });
    assert!(room >= 1);
}

#[test]
fn a_stop_ends_a_wait_and_no_try_catches_it() {
    let dropped = Arc::default();
    let bench = Bench::with(waiting(&dropped));
    for source in [
        "for_ever()",
        "try { for_ever() } catch { 1 }",
        "fn f() { try { for_ever() } catch { } } try { f() } catch(e) { 2 } 3",
        "[1, 2].map(|x| { try { for_ever() } catch { } }); 4",
        "let a = [3, 1, 2]; a.sort(|a, b| { for_ever(); a - b }); 5",
        "stubborn(); loop { }",
        "loop { try { stubborn() } catch { } }",
        "sleep(1000); 6",
    ] {
        let mut run = bench.start(source);
        assert!(run.poll().is_pending(), "{source}");
        run.stop.stop(Stop::Cancelled(CancelReason::Asked));
        assert!(matches!(run.poll(), Poll::Ready(Ran::Stopped(_))), "{source}");
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 5);
}

#[test]
fn a_stop_wakes_a_script_that_waits() {
    let dropped = Arc::default();
    let bench = Bench::with(waiting(&dropped));
    let run = bench.start("print(1); for_ever()");
    let stop = run.stop.clone();
    let ran = futures::executor::block_on(async {
        let stopping = async {
            futures::pending!();
            stop.stop(Stop::Lost);
        };
        let mut stopping = Box::pin(stopping);
        let mut future = run.future;
        assert!(futures::poll!(&mut future).is_pending());
        let _ = futures::poll!(&mut stopping);
        let _ = futures::poll!(&mut stopping);
        future.await
    });
    let Ran::Stopped(log) = ran else { panic!("{ran:?}") };
    assert_eq!(log.lines().len(), 1);
}

#[test]
fn a_script_stopped_before_it_began_does_not_run() {
    let bench = Bench::new();
    let run = bench.start("print(1)");
    run.stop.stop(Stop::Drained);
    let Ran::Stopped(log) = run.end() else { panic!("it ran") };
    assert!(log.is_empty());
}

#[test]
fn dropping_a_suspended_script_runs_its_destructors() {
    let dropped = Arc::default();
    let bench = Bench::with(waiting(&dropped));
    for source in ["for_ever()", "[1].map(|x| for_ever())", "try { for_ever() } catch { for_ever() }"] {
        let before = dropped.load(Ordering::Relaxed);
        let mut run = bench.start(source);
        assert!(run.poll().is_pending());
        drop(run);
        assert_eq!(dropped.load(Ordering::Relaxed), before + 1, "{source}");
    }
    for source in ["wait_in_drop()", "stubborn(); loop {}", "loop { try { stubborn() } catch { } }"] {
        let mut run = bench.start(source);
        assert!(run.poll().is_pending(), "{source}");
    }
    drop(bench.start("never polled"));
    assert_eq!(bench.value("1"), "1");
}

#[test]
fn an_endless_loop_lets_others_run_and_ends_on_cancel() {
    let bench = Bench::new();
    let mut endless = bench.start("let i = 0; loop { i += 1; }");
    for i in 0..10 {
        assert!(endless.poll().is_pending());
        assert_eq!(bench.value(&i.to_string()), i.to_string());
    }
    endless.stop.stop(Stop::Cancelled(CancelReason::Asked));
    assert!(matches!(endless.poll(), Poll::Ready(Ran::Stopped(_))));
}

#[test]
fn an_endless_loop_ends_at_its_deadline_and_fires_the_token() {
    let bench = Bench::new();
    let deadline = bench.clock.now() + Duration::from_secs(5);
    let mut endless =
        bench.start_task(Bench::task("loop { try { while true {} } catch {} }"), Some(deadline));
    assert!(endless.poll().is_pending());
    bench.clock.advance(Duration::from_secs(5));
    assert!(matches!(endless.poll(), Poll::Ready(Ran::Stopped(_))));
    assert_eq!(endless.stop.get(), Some(Stop::Cancelled(CancelReason::Expired)));
}

#[test]
fn an_endless_loop_ends_at_the_wall_time() {
    let dropped = Arc::default();
    let bench = Bench::with(waiting(&dropped).with_max_wall_time(Duration::from_secs(10)));
    for source in ["loop {}", "sleep(100)", "try { for_ever() } catch { 1 }", "loop { sleep(3) }"] {
        let mut run = bench.start(source);
        assert!(run.poll().is_pending());
        for _ in 0..12 {
            bench.clock.advance(Duration::from_secs(1));
            if let Poll::Ready(ran) = run.poll() {
                let Ran::Finished(Outcome::Error(error), _) = ran else { panic!("{source}: {ran:?}") };
                assert_eq!(error.kind, TaskErrorKind::Timeout, "{source}");
                assert!(error.message.contains("10s"), "{error}");
                break;
            }
        }
        assert!(bench.clock.next_due().is_none(), "{source}: a timer is left");
    }
}

#[test]
fn an_endless_loop_ends_at_the_operations_limit() {
    let bench = Bench::with(EngineConfig::new().with_max_operations(10_000));
    let error = bench.error("loop { try { loop {} } catch {} }");
    assert_eq!(error.kind, TaskErrorKind::Limit);
    assert!(error.message.contains("10000"), "{error}");
}

#[test]
fn a_panic_in_a_native_function_ends_only_its_task() {
    let config = EngineConfig::new().with_setup(|engine| {
        engine.register_fn("boom", || -> i64 { panic!("boom {}", 1) });
        engine.register_fn("boom_after_wait", || -> Native {
            let mut polls = 0;
            wait(poll_fn(move |cx| {
                polls += 1;
                assert!(polls < 2, "second poll");
                cx.waker().wake_by_ref();
                Poll::Pending
            }))?;
            Ok(())
        });
        engine.register_fn("wait_while_panicking", || -> Native {
            struct Waits;
            impl Drop for Waits {
                fn drop(&mut self) {
                    assert_eq!(wait(pending::<()>()), Err(WaitError::Panicking));
                }
            }
            let _waits = Waits;
            panic!("with a wait in drop")
        });
    });
    let bench = Bench::with(config);
    let mut neighbour = bench.start("sleep(1); 7");
    assert!(neighbour.poll().is_pending());
    for (source, message) in [
        ("boom()", "boom 1"),
        ("try { [1].map(|x| boom()) } catch { 1 }", "boom 1"),
        ("boom_after_wait()", "second poll"),
        ("wait_while_panicking()", "with a wait in drop"),
    ] {
        let error = bench.error(source);
        assert_eq!(error.kind, TaskErrorKind::Panic, "{source}");
        assert!(error.message.contains(message), "{source}: {error}");
    }
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(neighbour.value(), "7");
}

#[test]
fn waiting_off_a_fiber_is_refused() {
    assert_eq!(wait(async { 1 }), Err(WaitError::NotOnFiber));
    let config = EngineConfig::new().with_setup(|engine| {
        engine.register_fn("nested", || -> Native {
            // A future that waits by suspending the fiber that polls it.
            let inner = wait(async { wait(async { 1 }) })?;
            assert_eq!(inner, Err(WaitError::NotOnFiber));
            Ok(())
        });
    });
    assert_eq!(Bench::with(config).value("nested(); 1"), "1");
}

#[test]
fn a_script_runs_inside_a_native_function_of_another() {
    // A lane of its own, driven from a native function: the outer fiber is current again after.
    let config = EngineConfig::new().with_setup(|engine| {
        engine.register_fn("nested", || -> String {
            let bench = Bench::new();
            let mut run = bench.start("let x = 0; for i in 0..1000 { x += i } sleep(1); print(1); x");
            assert!(run.poll().is_pending());
            bench.clock.advance(Duration::from_secs(1));
            run.value()
        });
    });
    let bench = Bench::with(config);
    let mut run = bench.start("print(worker_id); let a = nested(); print(a); sleep(1); a + nested()");
    assert!(run.poll().is_pending());
    bench.clock.advance(Duration::from_secs(1));
    let (outcome, log) = run.finish();
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_eq!(log.lines().len(), 2);
}

#[test]
fn ten_thousand_scripts_wait_on_one_thread() {
    let bench = Bench::new();
    let config = EngineConfig::new();
    let mut runs: FuturesUnordered<_> =
        (0..config.max_in_flight).map(|_| bench.start("let a = [1, 2, 3]; sleep(1); a.len").future).collect();
    assert!(runs.next().now_or_never().is_none());
    assert_eq!(bench.room(), None);
    bench.clock.advance(Duration::from_secs(1));
    let mut finished = 0;
    while let Some(ran) = runs.next().now_or_never().flatten() {
        assert!(matches!(ran, Ran::Finished(Outcome::Completed(_), _)));
        finished += 1;
    }
    assert_eq!(finished, config.max_in_flight);
}

#[test]
fn time_that_is_none_is_an_error() {
    let bench = Bench::new();
    for (call, time) in [
        ("sleep(-1)", "sleep: the time is -1 seconds"),
        ("sleep(-0.5)", "sleep: the time is -0.5 seconds"),
        ("sleep(0.0/0.0)", "sleep: the time is NaN seconds"),
    ] {
        let error = bench.error(&format!("\n{call}"));
        assert_eq!(error.message, format!("invalid: {time}; pass a number from 0 on"));
        assert_eq!(error.line, Some(2), "{error}");
        let caught = format!("try {{ {call} }} catch (e) {{ return [e.kind, e.line] }}");
        assert_eq!(bench.value(&caught), r#"["invalid",1]"#, "{call}");
    }
}
