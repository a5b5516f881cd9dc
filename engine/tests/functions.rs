//! Asynchronous and blocking functions: what they take and return, their slots, timeouts and errors.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::stream::FuturesUnordered;
use rhai::Dynamic;
use rhai_dispatcher_core::{CancelReason, Clock, Outcome, Priority, Ran, Stop, TaskErrorKind};
use rhai_dispatcher_engine::{AsyncFnConfig, Call, EngineConfig, Slots, TaskContext, This};
use serde::{Deserialize, Serialize};
use support::stubs::{Alive, Product};
use support::{Bench, Started};

fn bench() -> (Bench, Alive) {
    Bench::with_stubs(EngineConfig::new())
}

#[test]
fn a_function_has_two_forms() {
    let (bench, _) = bench();
    assert_eq!(bench.value(r#"look_up("Ada")"#), r#""Ada Lovelace""#);
    assert_eq!(bench.value(r#"let id = look_up_async("Ada"); get_result(id)"#), r#""Ada Lovelace""#);
    assert_eq!(
        bench.value(r#"let m = (); try { look_up("") } catch (e) { m = e.message } m"#),
        r#""a name is missing""#
    );
    assert_eq!(bench.error("look_up(\"\")").message, "a name is missing");
    assert_eq!(bench.play_value("[nap(500), nap(1500)]"), "[500,1500]");
    assert_eq!(bench.play_value("fn f(ms) { nap(ms) } [3, 1, 2].map(|ms| f(ms))"), "[3,1,2]");
    assert_eq!(bench.play_error("boom(300)").kind, TaskErrorKind::Panic);
}

#[test]
fn calls_on_one_lane_wait_side_by_side() {
    let (bench, _) = bench();
    let mut runs: FuturesUnordered<_> = (0..1000).map(|_| bench.start("nap(1000)").future).collect();
    let mut next = || futures::FutureExt::now_or_never(runs.next());
    assert!(next().is_none());
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(std::iter::from_fn(|| next().flatten()).count(), 1000);
}

#[derive(Debug, Deserialize, Serialize)]
struct Order {
    item: String,
    #[serde(default)]
    count: u32,
    notes: Option<Vec<String>>,
}

#[test]
fn arguments_and_results_go_through_serde() {
    let config = EngineConfig::new()
        .with_async_fn("order", |order: Order, discount: f64| async move {
            Ok::<_, String>(BTreeMap::from([
                ("item", order.item),
                ("paid", format!("{}", discount * f64::from(order.count))),
            ]))
        })
        .with_async_fn("none", || async {})
        .with_async_fn("maybe", |yes: bool| async move { yes.then_some(1) })
        .with_async_fn("six", |a: i64, b: i64, c: i64, d: i64, e: i64, f: i64| async move {
            vec![a, b, c, d, e, f]
        })
        .with_async_fn("whole", |order: Order| async move { Ok::<_, String>(order) });
    let bench = Bench::with(config);
    let order = r#"#{item: "tea", count: 3, notes: ["hot"]}"#;
    assert_eq!(bench.value(&format!("order({order}, 0.5)")), r#"{"item":"tea","paid":"1.5"}"#);
    assert_eq!(bench.value(&format!("whole({order})")), r#"{"count":3,"item":"tea","notes":["hot"]}"#);
    assert_eq!(bench.value("[none(), maybe(false), maybe(true)]"), "[null,null,1]");
    assert_eq!(bench.value("six(1, 2, 3, 4, 5, 6)"), "[1,2,3,4,5,6]");

    let error = bench.error("order(#{count: 3}, 0.5)");
    assert!(error.message.contains("argument 1 of `order`"), "{error}");
    assert_eq!((error.line, error.column), (Some(1), Some(1)));
    let error = bench.error("let o = #{item: \"x\", count: -1};\n\n  order_async(o, 0.5)");
    assert!(error.message.contains("argument 1 of `order`"), "{error}");
    assert_eq!(error.line, Some(3));
    assert!(bench.error("order()").message.contains("Function not found"));
}

#[test]
fn the_scripts_variables_are_left_alone() {
    let (bench, _) = bench();
    assert_eq!(bench.value("let a = [1, 2]; let b = echo(a); b.push(3); [a, b]"), "[[1,2],[1,2,3]]");
    assert_eq!(
        bench.value("let a = 1; let f = || a; let b = [1].map(|x| echo(a)); a += 1; [a, b]"),
        "[2,[1]]"
    );
    assert_eq!(
        bench.value("let m = #{a: 1}; let id = m.echo_async(); m.a = 2; [m.a, get_result(id).a]"),
        "[2,1]"
    );
}

#[test]
fn functions_of_one_name_are_told_apart() {
    let config = EngineConfig::new()
        .with_setup(|engine| {
            engine.register_fn("new_product", || Product { name: "p".to_owned() });
            engine.register_fn("new_price", || Price(5));
        })
        .with_async_fn(
            "create",
            |This(product): This<Product>| async move { format!("prod_{}", product.name) },
        )
        .with_async_fn("create", |This(price): This<Price>| async move { This(Price(price.0 + 1)) })
        .with_async_fn("create", |This(price): This<Price>, more: i64| async move { price.0 + more })
        .with_async_fn("cents", |This(price): This<Price>| async move { price.0 });
    let bench = Bench::with(config);
    assert_eq!(bench.value("new_product().create()"), r#""prod_p""#);
    assert_eq!(bench.value("new_price().create().cents()"), "6");
    assert_eq!(bench.value("let id = new_price().create_async(10); get_result(id)"), "15");
    assert!(bench.error("create(1)").message.contains("Function not found"));
}

#[derive(Debug, Clone)]
struct Price(i64);

#[test]
fn what_is_thrown_can_be_any_value() {
    let config = EngineConfig::new().with_async_fn("refuse", |code: i64| async move {
        let mut error = rhai::Map::new();
        error.insert("code".into(), code.into());
        Err::<(), _>(Dynamic::from(error))
    });
    let bench = Bench::with(config);
    assert_eq!(bench.value("let c = 0; try { refuse(402) } catch (e) { c = e.value.code } c"), "402");
    assert_eq!(
        bench.value(
            "let c = 0; let id = refuse_async(402); try { await_result(id) } catch (e) { c = e.value.code } c"
        ),
        "402"
    );
}

#[test]
fn calls_are_numbered_for_idempotency_keys() {
    let config = EngineConfig::new().with_async_fn("key", |call: Call| async move { call.idempotency_key() });
    let bench = Bench::with(config);
    let source = "let id = key_async(); [key(), get_result(id) == id, key(), task_id]";
    let task = Bench::task(source);
    let id = task.id;
    for _ in 0..2 {
        let value = bench.start_task(task.clone(), None).value();
        assert_eq!(value, format!(r#"["{id}-2",true,"{id}-3","{id}"]"#), "the same when it runs again");
    }
}

#[test]
fn state_belongs_to_its_task() {
    struct Key(String);
    let config = EngineConfig::new()
        .with_setup(|engine| {
            engine.register_fn("configure", |key: &str| {
                TaskContext::current().unwrap().set_state(Key(key.to_owned()));
            });
        })
        .with_async_fn("key", |call: Call| async move {
            call.sleep(Duration::from_secs(1)).await;
            let key: Option<Rc<Key>> = call.task().state();
            key.map(|key| key.0.clone())
        });
    let bench = Bench::with(config);
    let mut first = bench.start("configure(\"a\"); configure(\"b\"); key()");
    let mut second = bench.start("let id = key_async(); await_result(id)");
    assert!(first.poll().is_pending() && second.poll().is_pending());
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(first.value(), r#""b""#);
    assert_eq!(second.value(), "null");
    assert!(TaskContext::current().is_none());
}

#[test]
fn a_call_that_takes_too_long_is_an_error_and_is_dropped() {
    let (bench, alive) = bench();
    let source = "let why = (); try { never() } catch (e) { why = e.message } why";
    let mut run = bench.start(source);
    assert!(run.poll().is_pending());
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(run.value(), r#""`never` took longer than its timeout of 10s""#);
    assert_eq!(alive.count(), 0);
    assert!(bench.clock.next_due().is_none(), "a timer is left");
}

#[test]
fn deep_values_do_not_leave_the_fiber() {
    let (bench, _) = bench();
    for deepen in [
        "for i in 0..300 { a = [a]; }",
        "for i in 0..300 { a = #{a: a}; }",
        "for i in 0..300 { let f = a; a = |x| f; }",
        "let f = Fn(\"g\"); for i in 0..200 { f = Fn(\"g\").curry(f); } a = f;",
    ] {
        for call in ["echo(a)", "echo_async(a)"] {
            let error = bench.error(&format!("let a = [1]; {deepen} {call}; 1"));
            assert!(error.message.contains("nested more than 127 levels"), "{deepen}: {error}");
        }
    }
    assert_eq!(
        bench.value("let a = 1; for i in 0..100 { a = [a]; } echo(a); get_result(echo_async(a)); 1"),
        "1"
    );
}

/// Names of calls that have begun, and what lets them continue.
type Begun = Vec<(String, oneshot::Sender<()>)>;

/// A function whose calls wait until the test lets them go, at most two at once.
fn gated() -> (Bench, Slots, Arc<Mutex<Begun>>) {
    let slots = Slots::new(2);
    let begun = Arc::<Mutex<Begun>>::default();
    let of_function = Arc::clone(&begun);
    let limits = AsyncFnConfig::new().with_slots(slots.clone());
    let config = EngineConfig::new().with_async_fn_config("gated", limits, move |name: String| {
        let begun = Arc::clone(&of_function);
        async move {
            let (open, opened) = oneshot::channel();
            begun.lock().unwrap().push((name, open));
            opened.await
        }
    });
    (Bench::with(config), slots, begun)
}

#[test]
fn concurrency_is_bounded_across_lanes_and_priorities_order_those_that_wait() {
    let (bench, slots, begun) = gated();
    let mut tasks: Vec<Started> = [
        ("a", Priority::Normal),
        ("b", Priority::Normal),
        ("low", Priority::Low),
        ("normal", Priority::Normal),
        ("high", Priority::High),
    ]
    .into_iter()
    .map(|(name, priority)| {
        let mut task = Bench::task(&format!("gated(\"{name}\")"));
        task.priority = priority;
        bench.start_task(task, None)
    })
    .collect();
    for task in &mut tasks {
        assert!(task.poll().is_pending());
    }
    let mut last =
        bench.start("set_request_priority(\"high\"); let id = gated_async(\"raised\"); await_result(id)");
    assert!(last.poll().is_pending());
    tasks.push(last);
    assert_eq!((slots.taken(), slots.waiting()), (2, 4));

    let mut order = Vec::new();
    while order.len() < 6 {
        let (name, open) = begun.lock().unwrap().remove(0);
        order.push(name);
        open.send(()).unwrap();
        tasks.retain_mut(|task| task.poll().is_pending());
        tasks.retain_mut(|task| task.poll().is_pending());
    }
    assert_eq!(order, ["a", "b", "high", "raised", "normal", "low"]);
    assert_eq!((slots.taken(), slots.waiting()), (0, 0));
    assert!(bench.error("set_request_priority(\"urgent\")").message.contains("urgent"));
}

#[test]
fn a_call_that_waits_for_a_slot_times_out_and_frees_its_place() {
    let (bench, slots, _begun) = gated();
    let mut holders = [bench.start("gated(\"a\")"), bench.start("gated(\"b\")")];
    assert!(holders.iter_mut().all(|run| run.poll().is_pending()));
    let mut waiting = bench.start("gated(\"c\")");
    let mut stopped = bench.start("gated(\"d\")");
    assert!(waiting.poll().is_pending() && stopped.poll().is_pending());
    assert_eq!(slots.waiting(), 2);
    stopped.stop.stop(Stop::Cancelled(CancelReason::Asked));
    assert!(stopped.poll().is_ready());
    assert_eq!(slots.waiting(), 1);
    bench.clock.advance(Duration::from_secs(30));
    assert!(waiting.poll().is_ready());
    assert!(holders.iter_mut().all(|run| run.poll().is_ready()), "their time is up, too");
    assert_eq!((slots.taken(), slots.waiting()), (0, 0));
}

#[test]
fn blocking_functions_run_elsewhere_while_scripts_go_on() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let config = EngineConfig::new()
        .with_blocking_fn("block", move |n: i64| {
            released.lock().unwrap().recv().map(|()| n).map_err(|error| error.to_string())
        })
        .with_blocking_fn("thread_name", || std::thread::current().name().map(str::to_owned))
        .with_blocking_fn("explode", |why: String| -> i64 { panic!("{why}") });
    let bench = Bench::with(config);
    let mut blocked = bench.start("let id = block_async(2); block(1) + await_result(id)");
    assert!(blocked.poll().is_pending());
    assert_eq!(bench.value("1 + 1"), "2", "the lane is free");
    release.send(()).unwrap();
    release.send(()).unwrap();
    let ran = block_on(blocked.future);
    assert!(matches!(ran, Ran::Finished(Outcome::Completed(output), _) if output.as_json().as_str() == "3"));

    let ran = block_on(bench.start("thread_name()").future);
    assert!(
        matches!(ran, Ran::Finished(Outcome::Completed(output), _) if output.to_string() == "rhai-blocking")
    );
    let ran = block_on(bench.start("let e = (); try { explode(\"oh\") } catch (x) { e = x } e").future);
    assert!(matches!(ran, Ran::Finished(Outcome::Completed(output), _) if output.to_string().contains("oh")));
}

#[test]
fn blocking_threads_are_bounded() {
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (of_function, most_of_function) = (Arc::clone(&now), Arc::clone(&most));
    let config = EngineConfig::new().with_max_blocking_threads(3).with_blocking_fn("work", move || {
        let running = of_function.fetch_add(1, Ordering::SeqCst) + 1;
        most_of_function.fetch_max(running, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
        of_function.fetch_sub(1, Ordering::SeqCst);
    });
    let bench = Bench::with(config);
    let runs: Vec<_> =
        (0..60).map(|_| bench.start("work(); await_all([work_async(), work_async()]); 1").future).collect();
    for ran in block_on(futures::future::join_all(runs)) {
        assert!(matches!(ran, Ran::Finished(Outcome::Completed(_), _)), "{ran:?}");
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[test]
fn a_blocking_call_that_is_cancelled_keeps_its_thread_and_others_get_theirs_later() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let config = EngineConfig::new().with_max_blocking_threads(1).with_blocking_fn("block", move || {
        released.lock().unwrap().recv().map_err(|error| error.to_string())
    });
    let bench = Bench::with(config);
    let mut first = bench.start("block()");
    let mut second = bench.start("block(); 2");
    assert!(first.poll().is_pending() && second.poll().is_pending());
    first.stop.stop(Stop::Cancelled(CancelReason::Asked));
    assert!(matches!(first.poll(), Poll::Ready(Ran::Stopped(_))));
    release.send(()).unwrap();
    release.send(()).unwrap();
    let ran = block_on(second.future);
    assert!(matches!(ran, Ran::Finished(Outcome::Completed(_), _)), "{ran:?}");
}

#[test]
fn processor_time_is_bounded_and_waits_do_not_count() {
    // The clock moves while the script computes.
    let clock = Arc::new(Mutex::new(None::<rhai_dispatcher_core::ManualClock>));
    let of_function = Arc::clone(&clock);
    let config = EngineConfig::new().with_max_cpu_time(Duration::from_secs(5)).with_setup(move |engine| {
        let clock = Arc::clone(&of_function);
        engine.register_fn("burn", move |ms: i64| {
            let clock = clock.lock().unwrap().clone().unwrap();
            clock.advance(Duration::from_millis(ms.unsigned_abs()));
        });
    });
    let (bench, _) = Bench::with_stubs(config);
    *clock.lock().unwrap() = Some(bench.clock.clone());
    assert_eq!(bench.play_value("for i in 0..4 { burn(1000); nap(10000); sleep(100); } 1"), "1");
    for source in
        ["loop { burn(1) }", "loop { burn(100); nap(5000) }", "loop { try { loop { burn(1000) } } catch {} }"]
    {
        let error = bench.play_error(source);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{source}");
        assert!(error.message.contains("5s of processor time"), "{error}");
    }
    assert!(bench.clock.now().as_nanos() > 0);
}

#[test]
fn an_answer_that_is_more_than_the_script_may_hold_is_an_error_that_it_catches() {
    let mut config = EngineConfig::new();
    let limits = &mut config.limits;
    (limits.max_string_bytes, limits.max_array_size, limits.max_map_size) = (1000, 100, 100);
    let config = config
        .with_async_fn("text", |n: i64| async move { "x".repeat(usize::try_from(n).unwrap_or_default()) })
        .with_async_fn("list", |n: i64| async move { (0..n).collect::<Vec<_>>() })
        .with_async_fn("blob_of", |n: i64| async move {
            Dynamic::from_blob(vec![0; usize::try_from(n).unwrap_or_default()])
        })
        .with_async_fn("map", |n: i64| async move {
            serde_json::Value::Object((0..n).map(|n| (n.to_string(), n.into())).collect())
        })
        .with_async_fn("nested", |n: i64| async move {
            (0..n).fold(Dynamic::UNIT, |inner, _| Dynamic::from_array(vec![inner]))
        });
    let bench = Bench::with(config);
    // `await_all` puts an array around it.
    for (name, limit, setting) in [
        ("text", 1000, "max_string_bytes, which is 1000"),
        ("list", 100, "max_array_size, which is 100"),
        ("blob_of", 100, "max_array_size, which is 100"),
        ("map", 100, "max_map_size, which is 100"),
        ("nested", 100, "max_array_size, which is 100"),
    ] {
        for call in ["NAME(N)", "await_result(NAME_async(N))", "await_all([NAME_async(N)])"] {
            let call = |n: i64| call.replace("NAME", name).replace("(N)", &format!("({n})"));
            assert_eq!(bench.value(&format!("{}; true", call(limit - 2))), "true", "{name}");
            let script = format!("let e = #{{}}; try {{ {} }} catch (x) {{ e = x }} e", call(limit + 1));
            let caught = bench.value(&script);
            assert!(caught.contains(r#""kind":"too_large""#) && caught.contains(setting), "{caught}");
        }
    }
    let mut config = EngineConfig::new();
    config.limits.max_array_size = 0; // unlimited
    let bench = Bench::with(config.with_async_fn("nested", |n: i64| async move {
        (0..n).fold(Dynamic::UNIT, |inner, _| Dynamic::from_array(vec![inner]))
    }));
    assert_eq!(bench.value("nested(127); true"), "true");
    let error = bench.error("nested(128)");
    assert!(error.message.contains("nested more than 127 levels deep"), "{}", error.message);
}
