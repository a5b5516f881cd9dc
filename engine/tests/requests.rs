//! Requests: what a script starts with `name_async(...)`, polls and awaits.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::task::Poll;
use std::time::Duration;

use rhai_dispatcher_core::{CancelReason, Clock, LogLevel, Outcome, Ran, Stop, TaskErrorKind, TaskLog};
use rhai_dispatcher_engine::{Call, EngineConfig, Thrown};
use support::stubs::Alive;
use support::{Bench, Started};

fn bench() -> (Bench, Alive) {
    Bench::with_stubs(EngineConfig::new())
}

fn lines(log: &TaskLog) -> Vec<&str> {
    log.lines().iter().map(|line| line.text.as_str()).collect()
}

/// Moves the clock until the script ends; how long that took.
fn takes(bench: &Bench, run: &mut Started) -> (Duration, Ran) {
    let start = bench.clock.now();
    loop {
        if let Poll::Ready(ran) = run.poll() {
            return (bench.clock.now() - start, ran);
        }
        assert!(bench.clock.now() - start < Duration::from_secs(3600), "no end");
        bench.clock.advance(Duration::from_millis(100));
    }
}

#[test]
fn a_request_has_a_status_until_its_result_is_fetched() {
    let (bench, _) = bench();
    let source = r#"
        let id = nap_async(500);
        let seen = [request_status(id), is_complete(id)];
        sleep(1);
        seen += [request_status(id), is_complete(id), get_result(id), request_status(id), is_complete(id)];
        seen
    "#;
    assert_eq!(bench.play_value(source), r#"["pending",false,"completed",true,500,"completed",true]"#);
    let source = r#"
        let id = fail_async(500);
        sleep(1);
        let seen = [request_status(id), is_complete(id)];
        try { get_result(id) } catch (e) { seen += e.message }
        seen
    "#;
    assert_eq!(bench.play_value(source), r#"["failed",true,"failed after 500 ms"]"#);
    let source = r#"
        let id = never_async();
        sleep(9);
        let seen = [request_status(id)];
        sleep(2);
        seen += [request_status(id), is_complete(id)];
        try { get_result(id) } catch (e) { seen += e.message }
        seen
    "#;
    assert_eq!(
        bench.play_value(source),
        r#"["pending","timeout",true,"`never` took longer than its timeout of 10s"]"#
    );
}

#[test]
fn a_result_that_is_not_ready_is_an_error_and_nothing_is_lost() {
    let (bench, _) = bench();
    let source = r#"
        let id = nap_async(500);
        let why = "";
        try { get_result(id) } catch (e) { why = e.message }
        [why.contains("not ready"), await_result(id)]
    "#;
    assert_eq!(bench.play_value(source), "[true,500]");
}

#[test]
fn a_result_is_fetched_once() {
    let (bench, _) = bench();
    let error = bench.play_error("let id = nap_async(1); await_result(id, 5); get_result(id)");
    assert!(error.message.contains("fetched already"), "{error}");
    let error = bench.play_error("let id = nap_async(1); await_result(id, 5); await_all([id])");
    assert!(error.message.contains("fetched already"), "{error}");
}

#[test]
fn await_takes_whole_and_fractional_seconds_and_keeps_what_is_not_ready() {
    let (bench, _) = bench();
    for seconds in ["2", "2.0", "2.5"] {
        let source = format!("await_result(nap_async(1000), {seconds})");
        assert_eq!(bench.play_value(&source), "1000", "{seconds}");
    }
    for seconds in ["0", "-1", "0.2", "-1.0", "0.0/0.0"] {
        let source = format!(
            "let id = nap_async(1000); let why = (); \
             try {{ await_result(id, {seconds}) }} catch (e) {{ why = e.message }} \
             [why.contains(\"not ready after\"), await_result(id)]"
        );
        assert_eq!(bench.play_value(&source), "[true,1000]", "{seconds}");
    }
    let mut run = bench.start(
        "let id = nap_async(1000); try { await_result(id, 0.5) } catch { cancel_request(id) } throw 1",
    );
    let (took, ran) = takes(&bench, &mut run);
    assert_eq!(took, Duration::from_millis(500));
    assert!(matches!(ran, Ran::Finished(Outcome::Error(_), _)));
    assert_eq!(bench.play_value("await_result(nap_async(1000), 1.0/0.0)"), "1000");
    assert!(bench.clock.next_due().is_none(), "a timer is left");
}

#[test]
fn a_batch_starts_together_and_is_awaited_together() {
    let (bench, _) = bench();
    let batch = "let ids = []; for ms in [3000, 1000, 2000] { ids.push(nap_async(ms)); }";
    let mut run = bench.start(&format!("{batch} await_all(ids)"));
    let (took, ran) = takes(&bench, &mut run);
    assert_eq!(took, Duration::from_secs(3));
    let Ran::Finished(Outcome::Completed(output), _) = ran else { panic!("{ran:?}") };
    assert_eq!(output.as_json().as_str(), "[3000,1000,2000]");
    assert_eq!(bench.play_value(&format!("{batch} await_all(ids, 3.5)")), "[3000,1000,2000]");
    assert_eq!(bench.play_value("await_all([])"), "[]");

    // In time or not, nothing is lost.
    let source = format!(
        "{batch} let e = (); try {{ await_all(ids, 2) }} catch (x) {{ e = x.message }} [e, await_all(ids)]"
    );
    assert_eq!(bench.play_value(&source), r#"["1 of 3 requests are not ready after 2s",[3000,1000,2000]]"#);
}

#[test]
fn the_first_failure_of_a_batch_is_thrown_and_the_rest_can_be_fetched() {
    let (bench, _) = bench();
    let source = r#"
        let ids = [nap_async(3000), fail_async(1000), nap_async(500)];
        let why = ();
        try { await_all(ids) } catch (e) { why = e.message }
        [why, request_status(ids[0]), get_result(ids[2]), await_result(ids[0])]
    "#;
    assert_eq!(bench.play_value(source), r#"["failed after 1000 ms","pending",500,3000]"#);
}

#[test]
fn await_any_names_the_first_that_ends() {
    let (bench, _) = bench();
    let source = r#"
        let ids = [nap_async(3000), nap_async(1000), fail_async(2000)];
        let order = [];
        while !ids.is_empty() {
            let id = await_any(ids);
            try { order += get_result(id) } catch (e) { order += e.message }
            ids.retain(|other| other != id);
        }
        order
    "#;
    assert_eq!(bench.play_value(source), r#"[1000,"failed after 2000 ms",3000]"#);
    assert_eq!(
        bench.play_error("await_any([nap_async(2000)], 1)").message,
        "not_ready: none of 1 requests is ready after 1s"
    );
    assert_eq!(bench.play_error("await_any([])").kind, TaskErrorKind::Runtime);
}

#[test]
fn an_unknown_id_is_an_error_in_every_function() {
    let (bench, _) = bench();
    let mut other = bench.start("print(nap_async(1)); sleep(1)");
    assert!(other.poll().is_pending());
    bench.clock.advance(Duration::from_secs(1));
    let (_, log) = other.finish();
    let of_another_task = lines(&log)[0].to_owned();
    for id in ["", "1", "-1", "x", &of_another_task, &"long".repeat(100)] {
        for call in [
            "is_complete(id)",
            "request_status(id)",
            "get_result(id)",
            "cancel_request(id)",
            "await_result(id)",
            "await_result(id, 1)",
            "await_result(id, 1.5)",
            "await_all([id])",
            "await_all([id], 1)",
            "await_any([id])",
            "await_any([nap_async(1), id], 1.5)",
        ] {
            let error = bench.play_error(&format!("let id = `{id}`; {call}"));
            assert_eq!(error.kind, TaskErrorKind::Runtime, "{call}");
            assert!(error.message.starts_with("not_found: unknown request"), "{call}: {error}");
            assert!(error.message.len() < 250, "{error}");
        }
    }
    assert!(bench.play_error("await_all([1])").message.contains("a string, not a"));
    let twice = bench.play_error("let id = nap_async(1); await_all([id, id])");
    assert!(twice.message.contains("twice"), "{twice}");
}

#[test]
fn results_that_are_not_fetched_expire() {
    let (bench, _) = bench();
    let source =
        "let id = nap_async(1000); sleep(300); let ok = is_complete(id); sleep(2); [ok, is_complete(id)]";
    let error = bench.play_error(source);
    assert!(error.message.contains("not fetched within 300s"), "{error}");
    // Also for a script that does not ask: there is room again.
    let (bench, _) =
        Bench::with_stubs(EngineConfig::new().with_max_requests(2).with_result_ttl(Duration::from_secs(10)));
    let source = "nap_async(1); nap_async(1); sleep(11); let id = nap_async(1); await_result(id)";
    assert_eq!(bench.play_value(source), "1");
}

#[test]
fn requests_of_a_task_are_bounded() {
    let (bench, _) = Bench::with_stubs(EngineConfig::new().with_max_requests(10));
    for source in [
        "loop { nap_async(1000) }",
        "loop { look_up_async(\"x\") }",
        "try { loop { never_async() } } catch { 1 }",
    ] {
        let error = bench.play_error(source);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{source}");
        assert!(error.message.contains("(limit: 10)"), "{error}");
    }
    let fetched =
        "for i in 0..1000 { await_result(look_up_async(`${i}`)); } request_status(look_up_async(\"x\"))";
    assert_eq!(bench.play_value(fetched), r#""completed""#);
    let cancelled =
        "for i in 0..1000 { let id = never_async(); cancel_request(id); try { get_result(id) } catch {} } 1";
    assert_eq!(bench.play_value(cancelled), "1");
}

#[test]
fn a_request_can_be_cancelled() {
    let (bench, alive) = bench();
    let source = r#"
        let id = never_async();
        let seen = [cancel_request(id), request_status(id), cancel_request(id)];
        try { await_result(id) } catch (e) { seen += e.message }
        print(seen);
        sleep(1);
        seen
    "#;
    let mut run = bench.start(source);
    assert!(run.poll().is_pending());
    assert_eq!(alive.count(), 0, "its future is dropped at once");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(run.value(), r#"[true,"failed",false,"the request was cancelled"]"#);
}

#[test]
fn a_script_that_ends_leaves_its_requests_to_their_end() {
    let (bench, alive) = bench();
    let source = r#"nap_async(2000); fail_async(1000); never_async(); boom_async(500); look_up_async(""); 7"#;
    let mut run = bench.start(source);
    let (took, ran) = takes(&bench, &mut run);
    assert_eq!(took, Duration::from_secs(10), "the longest takes its own timeout");
    let Ran::Finished(Outcome::Completed(output), log) = ran else { panic!("{ran:?}") };
    assert_eq!(output.as_json().as_str(), "7");
    assert!(log.lines().iter().all(|line| line.level == LogLevel::Debug));
    assert_eq!(
        lines(&log),
        [
            "request 5 (`look_up`) failed: a name is missing",
            "request 4 (`boom`) failed: panic: it panicked: boom after 500 ms",
            "request 2 (`fail`) failed: failed after 1000 ms",
            "request 1 (`nap`) completed: 2000",
            "request 3 (`never`) timeout: it took longer than 10s",
        ]
    );
    assert_eq!(alive.count(), 0);
}

#[test]
fn a_script_that_fails_leaves_its_requests_to_their_end() {
    let (bench, alive) = bench();
    let (outcome, log) = bench.play("nap_async(2000); throw \"no\"");
    assert!(matches!(outcome, Outcome::Error(error) if error.message == "no"));
    assert_eq!(lines(&log), ["request 1 (`nap`) completed: 2000"]);
    assert_eq!(alive.count(), 0);
}

#[test]
fn requests_that_go_on_take_no_place_in_the_run_queue_and_no_stack() {
    let (bench, _) = Bench::with_stubs(EngineConfig::new().with_run_queue(8).with_max_in_flight(20));
    let mut runs: Vec<_> = (0..8).map(|_| bench.start("nap_async(1000)")).collect();
    assert_eq!(bench.room(), None);
    assert!(runs.iter_mut().all(|run| run.poll().is_pending()));
    assert_eq!(bench.room(), Some(8));
    bench.clock.advance(Duration::from_secs(1));
    assert!(runs.iter_mut().all(|run| run.poll().is_ready()));
}

#[test]
fn a_stop_after_the_end_of_the_script_cancels_its_requests_and_the_outcome_stands() {
    let (bench, alive) = bench();
    for why in [Stop::Cancelled(CancelReason::Asked), Stop::Cancelled(CancelReason::Expired), Stop::Drained] {
        let mut run = bench.start("never_async(); nap_async(1000); 7");
        assert!(run.poll().is_pending());
        assert_eq!(alive.count(), 2);
        run.stop.stop(why);
        let (outcome, log) = run.finish();
        assert!(matches!(outcome, Outcome::Completed(_)), "{why:?}");
        assert_eq!(lines(&log), ["2 requests were cancelled: the task was stopped"]);
        assert_eq!(alive.count(), 0);
    }
    let mut run = bench.start("never_async(); 7");
    assert!(run.poll().is_pending());
    run.stop.stop(Stop::Lost);
    assert!(matches!(run.poll(), Poll::Ready(Ran::Stopped(_))));
    assert_eq!(alive.count(), 0);
    assert!(bench.clock.next_due().is_none(), "a timer is left");
}

const SUSPENDED: [&str; 10] = [
    "let id = never_async(); never()",
    "let id = never_async(); await_result(id)",
    "let id = never_async(); try { await_result(id, 5) } catch { 1 }",
    "try { never_async(); never() } catch { never() }",
    "never_async(); let a = [3, 1, 2]; a.sort(|a, b| { never(); a - b }); a",
    "[1, 2].map(|x| { try { await_result(never_async()) } catch {} })",
    "let ids = [never_async()]; loop { try { await_all(ids) } catch { } }",
    "let ids = [never_async()]; loop { try { await_all_settled(ids) } catch { } }",
    "fn f(id) { try { await_any([id]) } catch { f(id) } } f(never_async())",
    "never_async(); [1, 2, 3].filter(|x| [x].some(|y| { never(); true }))",
];

#[test]
fn a_cancelled_task_cancels_its_requests() {
    let (bench, alive) = bench();
    for source in SUSPENDED {
        let mut run = bench.start(source);
        assert!(run.poll().is_pending(), "{source}");
        assert!(alive.count() > 0, "{source}");
        run.stop.stop(Stop::Cancelled(CancelReason::Asked));
        assert!(matches!(run.poll(), Poll::Ready(Ran::Stopped(_))), "{source}");
        assert_eq!(alive.count(), 0, "{source}");
        assert!(bench.clock.next_due().is_none(), "{source}: a timer is left");
    }
    assert_eq!(bench.room(), Some(EngineConfig::new().run_queue), "all places are free");
}

#[test]
fn a_task_that_is_dropped_cancels_its_requests() {
    let (bench, alive) = bench();
    for source in SUSPENDED.into_iter().chain(["never_async(); 7"]) {
        let mut run = bench.start(source);
        assert!(run.poll().is_pending(), "{source}");
        drop(run);
        assert_eq!(alive.count(), 0, "{source}");
        assert!(bench.clock.next_due().is_none(), "{source}: a timer is left");
    }
    assert_eq!(bench.room(), Some(EngineConfig::new().run_queue), "all places are free");
}

#[test]
fn the_wall_time_ends_a_wait_and_the_requests() {
    let (bench, alive) = Bench::with_stubs(EngineConfig::new().with_max_wall_time(Duration::from_secs(5)));
    for source in
        ["never_async(); never()", "await_result(never_async(), 100)", "loop { await_all([never_async()]) }"]
    {
        let mut run = bench.start(&format!("try {{ {source} }} catch {{ 1 }}"));
        let (took, ran) = takes(&bench, &mut run);
        let Ran::Finished(Outcome::Error(error), _) = ran else { panic!("{source}: {ran:?}") };
        assert_eq!((error.kind, took), (TaskErrorKind::Timeout, Duration::from_secs(5)), "{source}");
        assert_eq!(alive.count(), 0, "{source}");
    }
}

#[test]
fn ten_thousand_tasks_leave_nothing_behind() {
    let (bench, alive) = bench();
    for i in 0..10_000 {
        let mut run = bench.start("let id = never_async(); nap_async(100); await_result(id)");
        assert!(run.poll().is_pending());
        match i % 3 {
            0 => run.stop.stop(Stop::Cancelled(CancelReason::Asked)),
            1 => bench.clock.advance(Duration::from_secs(10)),
            _ => {
                drop(run);
                continue;
            }
        }
        assert!(run.poll().is_ready());
    }
    assert_eq!(alive.count(), 0);
    assert!(bench.clock.next_due().is_none());
    assert_eq!(bench.room(), Some(EngineConfig::new().run_queue));
}

#[test]
fn all_settled_tells_how_each_request_has_ended() {
    let (bench, alive) = bench();
    let batch = "let ids = [nap_async(300), fail_async(100), never_async(), boom_async(1)];";
    let settled = bench.play_value(&format!("{batch} await_all_settled(ids)"));
    let error = |kind: &str, message: &str| {
        format!(r#"{{"error":{{"kind":"{kind}","line":1,"message":"{message}","value":null}}}}"#)
    };
    assert_eq!(
        settled,
        format!(
            r#"[{{"ok":300}},{},{},{}]"#,
            error("runtime", "failed after 100 ms"),
            error("timeout", "`never` took longer than its timeout of 10s"),
            error("panic", "it panicked: boom after 1 ms"),
        )
    );
    // Each error is what `catch` sees.
    let caught = bench.play_value(&format!(
        "{batch} sleep(11); ids.map(|id| {{ let r = #{{}}; try {{ r.ok = get_result(id) }} catch (e) {{ r.error = e }} r }})"
    ));
    assert_eq!(caught, settled);
    assert_eq!(bench.play_value("await_all_settled([])"), "[]");
    assert_eq!(
        bench.play_value("let id = nap_async(1); cancel_request(id); await_all_settled([id], 1)"),
        format!("[{}]", error("cancelled", "the request was cancelled"))
    );
    // Results are fetched once.
    let fetched =
        bench.play_error("let ids = [nap_async(1)]; await_all_settled(ids); await_all_settled(ids)");
    assert!(fetched.message.contains("was fetched already"), "{fetched}");
    let twice = bench.play_error("let id = nap_async(1); await_all_settled([id, id])");
    assert!(twice.message.contains("twice"), "{twice}");
    assert_eq!(alive.count(), 0);
}

#[test]
fn all_settled_loses_nothing_when_it_takes_too_long_or_is_too_large() {
    let (bench, _) = bench();
    let batch = "let ids = [nap_async(3000), fail_async(100)];";
    let all = "await_all_settled(ids, 2.5).map(|r| if \"ok\" in r { r.ok } else { r.error.message })";
    assert_eq!(
        bench.play_value(&format!(
            "{batch} let e = (); try {{ await_all_settled(ids, 2) }} catch (x) {{ e = x.message }} [e, {all}]"
        )),
        r#"["1 of 2 requests are not ready after 2s",[3000,"failed after 100 ms"]]"#
    );
    let (bench, _) = Bench::with_stubs(EngineConfig::new().with_max_string_bytes(1000));
    let batch = "let s = \"\"; s.pad(400, 'x'); let ids = [echo_async(s), echo_async(s), echo_async(s), fail_async(1), never_async()];";
    assert_eq!(
        bench.play_value(&format!(
            "{batch} let kind = (); try {{ await_all_settled(ids) }} catch (e) {{ kind = e.kind }}
             let all = ids.map(|id| {{ let r = await_all_settled([id])[0]; if \"ok\" in r {{ r.ok.len() }} else {{ r.error.message }} }});
             [kind] + all"
        )),
        r#"["too_large",400,400,400,"failed after 1 ms","`never` took longer than its timeout of 10s"]"#
    );
}

/// Requests are polled on the lane's own stack, which may lie below those of fibers.
#[test]
fn what_a_request_ends_with_uses_no_stack_of_the_script() {
    // Stacks are mapped from the top down, each in the highest gap: the one that this thread leaves is for the fiber.
    let (leave, left) = std::sync::mpsc::channel::<()>();
    let above = std::thread::Builder::new().stack_size(4 << 30).spawn(move || left.recv()).unwrap();
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    // Too large for any gap above that.
    let lane = std::thread::Builder::new().stack_size(1 << 30).spawn(move || {
        begun.recv().unwrap();
        let config = EngineConfig::new()
            .with_async_fn("map", |call: Call| async move {
                call.sleep(Duration::from_secs(1)).await;
                std::collections::BTreeMap::from([("a", vec![1; 1000])])
            })
            .with_async_fn("fails", |call: Call| async move {
                call.sleep(Duration::from_secs(1)).await;
                Err::<(), _>(Thrown(vec![1; 1000]))
            });
        let bench = Bench::with(config);
        assert_eq!(bench.play_value("let id = map_async(); sleep(2); get_result(id).a.len()"), "1000");
        let failing =
            "let id = fails_async(); sleep(2); try { get_result(id) } catch (e) { return e.value.len() }";
        assert_eq!(bench.play_value(failing), "1000");
        assert_eq!(bench.play_value("map_async(); fails_async(); 1"), "1", "their ends are in the log");
    });
    let lane = lane.unwrap();
    leave.send(()).unwrap();
    above.join().unwrap().unwrap();
    begin.send(()).unwrap();
    lane.join().unwrap();
}
