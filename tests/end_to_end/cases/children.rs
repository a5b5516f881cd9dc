//! What scripts dispatch.

use std::time::Duration;

use rhai_dispatcher::{CancelReason, RhaiDispatcher, RhaiDispatcherError, TaskErrorKind, TaskId, TaskStatus};

use super::LONG;
use crate::fixture::{Fixture, processing};

pub(super) async fn scripts_fan_out_and_gather(fixture: Fixture) {
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

pub(super) async fn children_belong_to_the_trace_of_their_parent(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let script = "dispatch(\"worker-1\", \"dispatch(`worker-1`, `42`)\")";
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let mut id = request.traceparent(traceparent).await_response().await.unwrap().task_id;
    for depth in 0..3 {
        let details = client.status(id).await.unwrap();
        // The worker exports no spans, so the nearest one is that of the caller for all of them.
        let trace = details.trace.as_ref().map(ToString::to_string);
        assert_eq!(trace.as_deref(), Some(traceparent), "{depth}");
        assert_eq!(details.children.len(), usize::from(depth < 2));
        id = details.children.first().copied().unwrap_or(id);
    }
    let untraced = client.new_play_request().worker_id("worker-1").script("1").timeout(LONG);
    assert_eq!(untraced.await_response().await.unwrap().trace, None);
    let request = client.new_play_request().worker_id("worker-1").script("1").traceparent("00-1-2-01");
    match request.submit().await {
        Err(RhaiDispatcherError::Invalid(invalid)) => assert_eq!(invalid.field, "traceparent"),
        other => panic!("{other:?}"),
    }
}

pub(super) async fn error_of_a_child_can_be_caught(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"
        let said = ();
        try { dispatch("worker-1", "throw `no such luck`") } catch (error) { said = `caught: ${error}` }
        said
    "#;
    let details = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let details = details.await_response().await.unwrap();
    let child = details.children[0];
    let caught: String = details.into_result().unwrap();
    assert_eq!(caught, format!("caught: no such luck (task {child} of worker-1, line 1)"));
}

pub(super) async fn thrown_value_reaches_parents_and_callers(fixture: Fixture) {
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

pub(super) async fn cancel_reaches_the_grandchildren(fixture: Fixture) {
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

pub(super) async fn deadline_reaches_the_grandchildren(fixture: Fixture) {
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

pub(super) async fn runaway_recursion_is_bounded(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let request = client.new_play_request().worker_id("worker-1").script(CHAIN).arg("script", CHAIN);
    let details = request.arg("depth", 1_000).timeout(LONG).await_response().await.unwrap();
    let error = details.into_result::<String>().unwrap_err().into_task_error().unwrap();
    assert!(error.message.contains("max_depth"), "{error}");
}

pub(super) async fn cancelled_request_cancels_its_task(fixture: Fixture) {
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

/// The one child of a task, as soon as it exists: it is listed a little earlier, before it is submitted.
async fn child_of(client: &RhaiDispatcher, id: TaskId) -> TaskId {
    loop {
        if let [child] = *client.status(id).await.unwrap().children {
            match client.status(child).await {
                Ok(_) => return child,
                Err(RhaiDispatcherError::NotFound(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let clock = client.transport().clock();
        clock.sleep_until(clock.now() + Duration::from_millis(1)).await;
    }
}
