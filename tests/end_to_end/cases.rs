//! What holds everywhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use futures::future::join_all;
use rhai_dispatcher::task::{Cancelled, Limits, Output, Progress};
use rhai_dispatcher::{
    CancelReason, EngineConfig, RhaiDispatcher, RhaiDispatcherError, TaskErrorKind, TaskId, TaskStatus,
    WorkerId,
};

use crate::fixture::{Fixture, processing};

/// Long enough that nothing here ever ends by it.
const LONG: Duration = Duration::from_secs(600);

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Fixture) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const CASES: &[Case] =
            &[$(Case { name: stringify!($name), run: |fixture| Box::pin($name(fixture)) }),*];
    };
}

cases![
    script_goes_in_and_its_answer_comes_out,
    script_sees_who_asks_and_with_what,
    every_caller_gets_its_own_answer,
    waiting_scripts_delay_no_other,
    calls_that_block_run_on_both_lanes,
    script_error_carries_its_position,
    script_that_does_not_parse_is_not_queued,
    prints_are_in_the_log,
    timeout_withdraws_the_task,
    progress_says_what_a_task_waits_for,
    kept_task_outlives_its_timeout,
    any_dispatcher_can_wait_for_a_task,
    waiting_task_is_cancelled,
    running_task_is_cancelled,
    repeated_request_joins_the_first,
    failing_task_is_tried_again,
    lowered_limits_reach_the_worker,
    scripts_lower_limits_of_what_they_dispatch,
    many_are_submitted_at_once,
    drained_worker_releases_its_tasks,
    scripts_fan_out_and_gather,
    error_of_a_child_can_be_caught,
    thrown_value_reaches_parents_and_callers,
    cancel_reaches_the_grandchildren,
    deadline_reaches_the_grandchildren,
    runaway_recursion_is_bounded,
    cancelled_request_cancels_its_task,
];

async fn script_goes_in_and_its_answer_comes_out(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#" "Hello, " + worker_id + "!" "#;
    let details = client
        .new_play_request()
        .worker_id("worker-1")
        .script(script)
        .timeout(LONG)
        .await_response()
        .await
        .unwrap();
    assert_eq!(details.status, TaskStatus::Completed);
    assert_eq!(details.delivery, 1);
    assert_eq!(details.output.as_ref().map(Output::to_string).as_deref(), Some("Hello, worker-1!"));
    assert_eq!(details.into_result::<String>().unwrap(), "Hello, worker-1!");
}

async fn script_sees_who_asks_and_with_what(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script =
        "fn all() { [worker_id, CALLER_ID, context_id, task_id, delivery, args.name, args.list[1]] } all()";
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let request = request.context_id("context-1").arg("name", "Ada").arg("list", [1, 2]);
    let details = request.await_response().await.unwrap();
    let task_id = details.task_id.to_string();
    let seen: Vec<serde_json::Value> = details.into_result().unwrap();
    let expected = serde_json::json!(["worker-1", "caller-1", "context-1", task_id, 1, "Ada", 2]);
    assert_eq!(serde_json::Value::from(seen), expected);
}

async fn every_caller_gets_its_own_answer(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let ask = |number: u64| {
        let request = client.new_play_request().worker_id("worker-1").script("args.n * 2").arg("n", number);
        async move { request.timeout(LONG).await_response().await.unwrap().into_result::<u64>().unwrap() }
    };
    let answers = join_all((0..300).map(ask)).await;
    assert_eq!(answers, (0..300).map(|number| number * 2).collect::<Vec<_>>());
}

async fn waiting_scripts_delay_no_other(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let sleepers = (0..50).map(|_| client.new_play_request().worker_id("worker-1").script("sleep(3600)"));
    let sleepers = client.submit_many(sleepers.collect()).await.unwrap();
    for sleeper in &sleepers {
        processing(&client, *sleeper.as_ref().unwrap()).await;
    }
    let quick = client.new_play_request().worker_id("worker-1").script("40 + 2").timeout(LONG);
    assert_eq!(quick.await_response().await.unwrap().into_result::<u64>().unwrap(), 42);
    for sleeper in sleepers {
        assert_eq!(client.cancel(sleeper.unwrap()).await.unwrap(), Cancelled::Requested);
    }
}

/// Lets calls end in pairs: `meet()` blocks its thread until another one does.
fn meeting() -> EngineConfig {
    let meeting = Arc::new(Barrier::new(2));
    EngineConfig::new().with_setup(move |engine| {
        let meeting = Arc::clone(&meeting);
        engine.register_fn("meet", move || {
            meeting.wait();
        });
    })
}

async fn calls_that_block_run_on_both_lanes(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker_with("worker-1", meeting()).await);
    for at_once in [true, false] {
        // A lane that began, or kept, two of them would wait for itself.
        complete_all(&client, "meet()", 6, at_once).await;
    }
}

/// Submits a script so many times, in one batch or one by one, and waits for all of them.
async fn complete_all(client: &RhaiDispatcher, script: &str, count: usize, at_once: bool) {
    let request = || client.new_play_request().worker_id("worker-1").script(script).submit();
    let mut ids = Vec::new();
    if at_once {
        ids.extend(join_all((0..count).map(|_| request())).await);
    } else {
        for _ in 0..count {
            ids.push(request().await);
        }
    }
    for id in ids {
        let details = client.wait(id.unwrap(), LONG).await.unwrap();
        assert_eq!(details.status, TaskStatus::Completed, "{:?}", details.error);
    }
}

async fn script_error_carries_its_position(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = "let x = 1;\n  x + nothing";
    let details = client
        .new_play_request()
        .worker_id("worker-1")
        .script(script)
        .timeout(LONG)
        .await_response()
        .await
        .unwrap();
    assert_eq!(details.status, TaskStatus::Error);
    let error = details.error.unwrap();
    assert_eq!((error.kind, error.line, error.column), (TaskErrorKind::Runtime, Some(2), Some(7)), "{error}");
    assert!(error.message.contains("nothing"), "{error}");
}

async fn script_that_does_not_parse_is_not_queued(fixture: Fixture) {
    let client = fixture.client();
    let refused = client.new_play_request().worker_id("worker-1").script("let = ").submit().await;
    let Err(RhaiDispatcherError::Script(error)) = refused else { panic!("{refused:?}") };
    assert_eq!((error.kind, error.line), (TaskErrorKind::Parse, Some(1)), "{error}");
    let waiting: usize = client.transport().queues().await.unwrap().iter().map(|queue| queue.waiting()).sum();
    assert_eq!(waiting, 0);
}

async fn prints_are_in_the_log(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"print("one"); debug("two"); print(3);"#;
    let details = client
        .new_play_request()
        .worker_id("worker-1")
        .script(script)
        .timeout(LONG)
        .await_response()
        .await
        .unwrap();
    let lines: Vec<&str> = details.log.lines().iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0] == "one" && lines[1].contains("two") && lines[2] == "3", "{lines:?}");
}

async fn timeout_withdraws_the_task(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let request = client.new_play_request().worker_id("worker-1").script("sleep(3600)");
    let timed_out = request.timeout(Duration::from_secs(1)).await_response().await;
    let Err(RhaiDispatcherError::Timeout(timed_out)) = timed_out else { panic!("{timed_out:?}") };
    let id = timed_out.task_id();
    let details = client.wait(id, LONG).await.unwrap();
    assert_eq!(details.status, TaskStatus::Cancelled);
    // The second is the deadline behind it, for a caller that did not get to withdraw it in time.
    let reason = details.cancel_reason.unwrap();
    assert!(matches!(reason, CancelReason::Withdrawn | CancelReason::Expired), "{reason}");
}

async fn progress_says_what_a_task_waits_for(fixture: Fixture) {
    let client = fixture.client();
    let worker_id = WorkerId::try_from("worker-1").unwrap();
    client.transport().set_paused(&worker_id, true).await.unwrap();
    let id = client.new_play_request().worker_id("worker-1").script("sleep(3600)").submit().await.unwrap();
    assert_eq!(client.progress(id).await.unwrap().to_string(), "no worker serves worker-1");
    let _worker = fixture.worker("worker-1").await;
    assert_eq!(client.progress(id).await.unwrap().to_string(), "the queue of worker-1 is paused");
    client.transport().set_paused(&worker_id, false).await.unwrap();
    processing(&client, id).await;
    let progress = client.progress(id).await.unwrap();
    assert!(matches!(progress, Progress::Running { since: Some(_), instance: Some(_) }), "{progress}");
    client.cancel(id).await.unwrap();
    client.wait(id, LONG).await.unwrap();
    assert_eq!(client.progress(id).await.unwrap(), Progress::Ended(TaskStatus::Cancelled));
}

async fn kept_task_outlives_its_timeout(fixture: Fixture) {
    let client = fixture.client();
    client.transport().connect().await.unwrap();
    let request = client.new_play_request().worker_id("worker-1").script("7").keep_on_timeout();
    let timed_out = request.timeout(Duration::from_secs(1)).await_response().await;
    let Err(RhaiDispatcherError::Timeout(timed_out)) = timed_out else { panic!("{timed_out:?}") };
    let id = timed_out.task_id();
    let _worker = fixture.worker("worker-1").await;
    assert_eq!(client.wait(id, LONG).await.unwrap().into_result::<u64>().unwrap(), 7);
}

async fn any_dispatcher_can_wait_for_a_task(fixture: Fixture) {
    let (client, other) = (fixture.client(), fixture.client());
    let id = client.new_play_request().worker_id("worker-1").script("[1, 2]").submit().await.unwrap();
    let before = other.wait(id, LONG);
    let worker = async { fixture.worker("worker-1").await };
    let (before, _worker) = futures::join!(before, worker);
    assert_eq!(before.unwrap().into_result::<Vec<u64>>().unwrap(), [1, 2]);
    let after = other.wait(id, LONG).await.unwrap();
    assert_eq!(after.output.unwrap().to_string(), "[1,2]");
}

async fn waiting_task_is_cancelled(fixture: Fixture) {
    let client = fixture.client();
    let id = client.new_play_request().worker_id("worker-1").script("1").submit().await.unwrap();
    assert_eq!(client.cancel(id).await.unwrap(), Cancelled::Removed);
    let details = client.wait(id, LONG).await.unwrap();
    assert_eq!((details.status, details.delivery), (TaskStatus::Cancelled, 0));
    assert_eq!(client.cancel(id).await.unwrap(), Cancelled::AlreadyFinished);
}

async fn running_task_is_cancelled(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    for script in ["sleep(3600)", "loop { }", "loop { try { loop { } } catch { } }"] {
        let id = client.new_play_request().worker_id("worker-1").script(script).submit().await.unwrap();
        processing(&client, id).await;
        assert_eq!(client.cancel(id).await.unwrap(), Cancelled::Requested);
        let details = client.wait(id, LONG).await.unwrap();
        assert_eq!(details.status, TaskStatus::Cancelled, "{script}");
        assert_eq!(details.cancel_reason, Some(CancelReason::Asked), "{script}");
    }
}

async fn repeated_request_joins_the_first(fixture: Fixture) {
    let client = fixture.client();
    let request =
        |script: &str| client.new_play_request().worker_id("worker-1").script(script).request_id("order-7");
    let first = request("1").submit().await.unwrap();
    assert_eq!(request("1").submit().await.unwrap(), first);
    let conflict = request("2").submit().await;
    assert!(
        matches!(conflict, Err(RhaiDispatcherError::RequestIdConflict(id)) if id == first),
        "{conflict:?}"
    );
    let _worker = fixture.worker("worker-1").await;
    assert_eq!(request("1").timeout(LONG).await_response().await.unwrap().task_id, first);
}

async fn failing_task_is_tried_again(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"if delivery < 3 { throw "not yet" } delivery"#;
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let request = request.retries(5).backoff(Duration::from_millis(1), Duration::from_millis(5));
    let details = request.await_response().await.unwrap();
    assert_eq!((details.status, details.delivery, details.attempt), (TaskStatus::Completed, 3, 2));
}

async fn many_are_submitted_at_once(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let requests =
        (0..100).map(|n| client.new_play_request().worker_id("worker-1").script("args.n").arg("n", n));
    let ids = client.submit_many(requests.collect()).await.unwrap();
    for (n, id) in ids.into_iter().enumerate() {
        assert_eq!(client.wait(id.unwrap(), LONG).await.unwrap().into_result::<usize>().unwrap(), n);
    }
}

async fn drained_worker_releases_its_tasks(fixture: Fixture) {
    let client = fixture.client();
    let first = fixture.worker("worker-1").await;
    let id = client.new_play_request().worker_id("worker-1").script("sleep(3600)").submit().await.unwrap();
    let on_first = processing(&client, id).await;
    first.drain().await.unwrap();
    let released = client.status(id).await.unwrap();
    assert_eq!((released.status, released.delivery), (TaskStatus::Pending, 0));
    let _second = fixture.worker("worker-1").await;
    let on_second = processing(&client, id).await;
    assert_eq!(on_second.delivery, 1, "a release counts no delivery");
    assert_ne!(on_second.instance, on_first.instance);
    assert_eq!(client.cancel(id).await.unwrap(), Cancelled::Requested);
    assert_eq!(client.wait(id, LONG).await.unwrap().status, TaskStatus::Cancelled);
}

async fn lowered_limits_reach_the_worker(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let limits = Limits::default().with_max_operations(1_000).with_max_array_size(3);
    let request = |script: &str| client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    for (script, says) in [
        ("loop {}", "too many operations (limit: 1000)"),
        ("let a = [1, 2]; a.push(3); a.push(4); a", "(limit: 3)"),
    ] {
        let details = request(script).limits(limits.clone()).await_response().await.unwrap();
        assert_eq!(details.limits.as_deref(), Some(&limits));
        let error = details.error.unwrap();
        assert_eq!(error.kind, TaskErrorKind::Limit);
        assert!(error.message.contains(says), "{error}");
    }
    let script = "let a = [1, 2]; a.push(3); for i in 0..2000 { a[0] += 1; } a[0]";
    let one = request(script).limits(limits.clone()).await_response().await.unwrap();
    let other = request(script).await_response().await.unwrap();
    assert_eq!((one.status, other.status), (TaskStatus::Error, TaskStatus::Completed));
    assert_eq!((other.limits.as_ref(), other.output.unwrap().to_string()), (None, "2001".to_owned()));

    let again = client.resubmit(one.task_id).await.unwrap();
    assert_eq!(client.wait(again, LONG).await.unwrap().limits, one.limits);
    let request = || request("1").request_id("r").limits(limits.clone());
    let first = request().submit().await.unwrap();
    assert_eq!(request().submit().await.unwrap(), first);
    let other = request().limits(Limits::default()).submit().await;
    assert!(matches!(other, Err(RhaiDispatcherError::RequestIdConflict(id)) if id == first), "{other:?}");
}

async fn scripts_lower_limits_of_what_they_dispatch(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"
        let said = [];
        for limits in [#{ max_operations: 500 }, #{ max_wall_time: 0.05 }, #{ max_operations: 0 }, #{ other: 1 }, 5] {
            try {
                dispatch("worker-1", #{ script: "sleep(0.2); let n = 0; for i in 0..1000 { n += 1; } n", limits: limits });
                said.push("it ran");
            } catch (error) { said.push(error.to_string()) }
        }
        said.push(dispatch("worker-1", "let n = 0; for i in 0..1000 { n += 1; } n"));
        let n = 0;
        for i in 0..1000 { n += 1; }
        said
    "#;
    let limits = Limits::default().with_max_operations(20_000);
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let details = request.limits(limits).await_response().await.unwrap();
    assert_eq!(details.children.len(), 3, "what is refused is not queued");
    for (id, inherited) in details.children.iter().zip([false, false, true]) {
        let limits = client.status(*id).await.unwrap().limits;
        assert_eq!(limits.is_none(), inherited, "{limits:?}");
    }
    let said: [serde_json::Value; 6] = details.into_result().unwrap();
    let says = [
        "operations (limit: 500)",
        "limit of 50ms",
        "max_operations: ",
        "no limit is named \"other\"",
        "",
        "1000",
    ];
    for (said, says) in said.iter().zip(says) {
        let said = said.to_string().replace("\\\"", "\"");
        assert!(said.contains(says) && !said.contains("it ran"), "{said}: {says}");
    }
}

async fn scripts_fan_out_and_gather(fixture: Fixture) {
    let client = fixture.client();
    let _workers = (fixture.worker("worker-1").await, fixture.worker("worker-2").await);
    let script = r#"
        let requests = [];
        for n in 0..10 {
            requests.push(dispatch_async("worker-2", #{ script: "args.n * args.n", args: #{ n: n } }));
        }
        let squares = await_all(requests);
        let sum = 0;
        for square in squares { sum += square; }
        [sum, dispatch("worker-2", "worker_id + ' for ' + caller_id")]
    "#;
    let script = script.replace('\'', "`");
    let details = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let details = details.await_response().await.unwrap();
    assert_eq!(details.children.len(), 11);
    let child = client.status(details.children[3]).await.unwrap();
    assert_eq!((child.parent, child.status), (Some(details.task_id), TaskStatus::Completed));
    let (sum, said): (i64, String) = details.into_result().unwrap();
    assert_eq!((sum, said.starts_with("worker-2 for ")), (285, true), "{said}");
}

async fn error_of_a_child_can_be_caught(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"
        let said = ();
        try { dispatch("worker-1", "throw `no such luck`") } catch (error) { said = `caught: ${error}` }
        said
    "#;
    let details = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let caught: String = details.await_response().await.unwrap().into_result().unwrap();
    assert!(caught.starts_with("caught: task ") && caught.contains("no such luck"), "{caught}");
}

async fn thrown_value_reaches_parents_and_callers(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let ask = |script: &str| {
        let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
        async move { request.await_response().await.unwrap() }
    };
    let thrown = r#"throw #{ code: 7, list: ["ä", ()] }"#;
    let value = serde_json::json!({ "code": 7, "list": ["ä", null] });
    // In the answer, in the record, and through a parent that does not catch it.
    let through = format!("dispatch(\"worker-1\", `{thrown}`)");
    for script in [thrown, &through, &format!("await_all([dispatch_async(\"worker-1\", `{thrown}`)])")] {
        let answered = ask(script).await;
        let read = client.status(answered.task_id).await.unwrap();
        for details in [answered, read] {
            let error = details.error.unwrap();
            assert_eq!(error.kind, TaskErrorKind::Runtime, "{script}: {error}");
            assert_eq!(error.value.unwrap().to::<serde_json::Value>().unwrap(), value, "{script}");
        }
    }
    // In a parent that catches it.
    let parent = format!(
        "try {{\n {through} }} catch (e) {{ return [e.kind, e.value, e.line, e.message.contains(\"code\")] }}"
    );
    let caught: serde_json::Value = ask(&parent).await.into_result().unwrap();
    assert_eq!(caught, serde_json::json!(["runtime", value, 2, true]));
    // A later try without one leaves none.
    let script =
        "if delivery == 1 { throw #{ code: 7 } } else if delivery == 2 { 1 / 0 } else { sleep(0.01); 1 / 0 }";
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let details = request.retries(2).await_response().await.unwrap();
    assert_eq!((details.attempt, details.error.unwrap().value), (2, None));
    assert_eq!(client.status(details.task_id).await.unwrap().error.unwrap().value, None);
}

/// Dispatches itself as deep as `args.depth` says, and then waits for ever.
const CHAIN: &str = r#"
    if args.depth == 0 { sleep(3600) } else {
        dispatch("worker-1", #{ script: args.script, args: #{ depth: args.depth - 1, script: args.script } })
    }
"#;

async fn cancel_reaches_the_grandchildren(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let request = client.new_play_request().worker_id("worker-1").script(CHAIN).arg("script", CHAIN);
    let id = request.arg("depth", 2).submit().await.unwrap();
    let child = child_of(&client, id).await;
    let grandchild = child_of(&client, child).await;
    processing(&client, grandchild).await;
    client.cancel(id).await.unwrap();
    for (id, reason) in
        [(id, CancelReason::Asked), (child, CancelReason::Parent), (grandchild, CancelReason::Parent)]
    {
        let details = client.wait(id, LONG).await.unwrap();
        assert_eq!((details.status, details.cancel_reason), (TaskStatus::Cancelled, Some(reason)));
    }
}

async fn deadline_reaches_the_grandchildren(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let request = client.new_play_request().worker_id("worker-1").script(CHAIN).arg("script", CHAIN);
    let request = request.arg("depth", 2).timeout(Duration::from_secs(2)).await_response();
    let Err(RhaiDispatcherError::Timeout(timed_out)) = request.await else { panic!("it waits for ever") };
    let id = timed_out.task_id();
    let child = child_of(&client, id).await;
    let grandchild = child_of(&client, child).await;
    for id in [child, grandchild] {
        assert_eq!(client.wait(id, LONG).await.unwrap().status, TaskStatus::Cancelled);
    }
}

async fn runaway_recursion_is_bounded(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let request = client.new_play_request().worker_id("worker-1").script(CHAIN).arg("script", CHAIN);
    let details = request.arg("depth", 1_000).timeout(LONG).await_response().await.unwrap();
    let error = details.into_result::<String>().unwrap_err().into_task_error().unwrap();
    assert!(error.message.contains("max_depth"), "{error}");
}

async fn cancelled_request_cancels_its_task(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"
        let request = dispatch_async("worker-1", "sleep(3600)");
        sleep(0.2);
        cancel_request(request);
    "#;
    let details = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let details = details.await_response().await.unwrap();
    assert_eq!(details.status, TaskStatus::Completed, "{:?}", details.error);
    let child = client.wait(details.children[0], LONG).await.unwrap();
    assert_eq!(child.cancel_reason, Some(CancelReason::Withdrawn));
}

/// The one child of a task, as soon as it has one.
async fn child_of(client: &RhaiDispatcher, id: TaskId) -> TaskId {
    loop {
        if let [child] = *client.status(id).await.unwrap().children {
            return child;
        }
        let clock = client.transport().clock();
        clock.sleep_until(clock.now() + Duration::from_millis(1)).await;
    }
}
