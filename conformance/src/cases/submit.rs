//! `Transport::submit`

use std::sync::Arc;

use rhai_dispatcher_core::{
    CancelReason, Cancelled, Json, Limits, MethodName, OutcomeError, Payload, Priority, SubmitError, Submitted, Task, TaskStatus,
};

use crate::Environment;
use crate::instance::Instance;
use crate::stage::{Stage, trace};
use crate::waiting::Waiting;

pub(crate) async fn accepted_task_is_pending(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let task = Task {
        payload: Payload::Script { source: "x * 2".into(), name: Some("double.rhai".into()) },
        args: Json::parse(r#"{"x":21}"#).expect("JSON"),
        context_id: Some("context".into()),
        request_id: Some("request".into()),
        priority: Priority::High,
        delay: Stage::LASTING,
        parent: Some(stage.task().id),
        limits: Some(Arc::new(Limits::default().with_max_operations(1_000))),
        trace: Some(Arc::new(trace("vendor=value"))),
        ..stage.task()
    };
    stage.submit(task.clone()).await;

    let details = stage.details(task.id).await;
    assert_eq!(details.status, TaskStatus::Pending);
    assert_eq!(details.task_id, task.id);
    assert_eq!(details.worker_id, task.worker_id);
    assert_eq!(details.caller_id, task.caller_id);
    assert_eq!(details.context_id, task.context_id);
    assert_eq!(details.request_id, task.request_id);
    assert_eq!(details.parent, task.parent);
    assert_eq!(Some(&details.script), task.payload.source());
    assert_eq!(details.script_name.as_deref(), task.payload.name());
    assert_eq!(details.args, task.args);
    assert_eq!(details.limits, task.limits);
    assert_eq!(details.trace, task.trace);
    assert_eq!(details.priority, task.priority);
    assert_eq!(details.run_at, Some(details.created_at + task.delay));
    assert_eq!((details.delivery, details.attempt, details.deaths), (0, 0, 0));
    assert_eq!((details.instance, details.started_at), (None, None));

    let call = Task { payload: call("billing.charge"), args: Json::parse("[5,true]").expect("JSON"), ..stage.task() };
    stage.submit(call.clone()).await;
    let details = stage.details(call.id).await;
    assert_eq!((details.payload(), details.args), (call.payload, call.args));
}

fn call(method: &str) -> Payload {
    Payload::Call { method: MethodName::try_from(method).expect("a name") }
}

pub(crate) async fn submitting_again_changes_nothing(env: &dyn Environment) {
    // An accepted task keeps its place in the queue, so a repeated submit is not refused when the queue is full.
    let stage = Stage::with(env, |config| config.with_queue_limit(1)).await;
    let consumer = stage.attach().await;
    let task = stage.task();
    stage.submit(task.clone()).await;
    stage.submit(task.clone()).await;

    let claimed = consumer.claim_one().await;
    assert_eq!(claimed.claim.task, task.id);
    stage.submit(task.clone()).await;
    assert_eq!(stage.details(task.id).await.status, TaskStatus::Processing);

    consumer.complete(claimed.claim).await;
    stage.submit(task.clone()).await;
    assert_eq!(stage.details(task.id).await.status, TaskStatus::Completed);

    let next = stage.submit_any().await;
    assert_eq!(consumer.claim_one().await.claim.task, next, "no second run is in the queue");
}

/// A task `1 + 1` with a request id; each call makes another task with the same request id.
fn request(stage: &Stage<'_>) -> Task {
    Task { payload: Payload::script("1 + 1"), request_id: Some("request".into()), ..stage.task() }
}

pub(crate) async fn request_id_joins_the_first_task(env: &dyn Environment) {
    // A task that joins another one needs no place in the queue.
    let stage = Stage::with(env, |config| config.with_queue_limit(1)).await;
    let consumer = stage.attach().await;
    let first = request(&stage);
    let second = request(&stage);
    let answers = stage.transport.submit(vec![first.clone().into(), second.clone().into()]).await.expect("a submit");
    assert_eq!(answers, [Ok(Submitted::Accepted(first.id)), Ok(Submitted::Joined(first.id))]);
    assert_eq!(stage.record(second.id).await, None, "a submit that joined makes no task");
    assert_eq!(stage.ask(first.clone()).await, Ok(Submitted::Accepted(first.id)));

    let claimed = consumer.claim_one().await;
    assert_eq!(claimed.claim.task, first.id);
    assert_eq!(stage.ask(request(&stage)).await, Ok(Submitted::Joined(first.id)));
    consumer.complete(claimed.claim).await;
    assert_eq!(stage.ask(request(&stage)).await, Ok(Submitted::Joined(first.id)));

    let next = stage.submit_any().await;
    assert_eq!(consumer.claim_one().await.claim.task, next, "nothing that joined is in the queue");
}

pub(crate) async fn request_id_conflict_is_refused(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let first = stage.submit(request(&stage)).await;
    let other_payload = Task { payload: Payload::script("1 + 2"), ..request(&stage) };
    let other_args = Task { args: Json::parse(r#"{"a":1}"#).expect("JSON"), ..request(&stage) };
    let limits = Some(Arc::new(Limits::default().with_max_operations(1)));
    let other_limits = Task { limits, ..request(&stage) };
    let a_call = Task { payload: call("1"), ..request(&stage) };
    for task in [other_payload, other_args, other_limits, a_call] {
        let refused = task.id;
        assert_eq!(stage.ask(task).await, Err(SubmitError::RequestIdConflict(first)));
        assert_eq!(stage.record(refused).await, None);
    }

    let calls = |method| Task { payload: call(method), request_id: Some("call".into()), ..stage.task() };
    let first = stage.submit(calls("a")).await;
    assert_eq!(stage.ask(calls("a")).await, Ok(Submitted::Joined(first)));
    assert_eq!(stage.ask(calls("b")).await, Err(SubmitError::RequestIdConflict(first)));
}

pub(crate) async fn request_ids_are_per_caller_and_worker(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    stage.submit(request(&stage)).await;
    stage.submit(Task { caller_id: "other-caller".into(), ..request(&stage) }).await;
    stage.submit(stage.again_for("other", request(&stage))).await;
}

pub(crate) async fn full_queue_refuses(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_queue_limit(2)).await;
    stage.submit_any().await;
    stage.submit(Task { delay: Stage::LASTING, ..stage.task() }).await;

    let task = stage.task();
    let refused = task.id;
    let full = SubmitError::QueueFull { worker_id: task.worker_id.clone(), limit: 2 };
    assert_eq!(stage.ask(task).await, Err(full));
    assert_eq!(stage.record(refused).await, None);
    let outcome = stage.transport.outcome(refused).await;
    assert!(matches!(outcome, Err(OutcomeError::NotFound(id)) if id == refused), "{outcome:?}");
    stage.submit(stage.task_for("other")).await;
}

pub(crate) async fn full_queue_takes_again(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_queue_limit(2)).await;
    let consumer = stage.attach().await;
    for _ in 0..3 {
        while stage.ask(stage.task()).await.is_ok() {}
        consumer.claim_one().await;
        stage.submit_any().await;
    }
}

pub(crate) async fn full_queue_ends_what_has_expired(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_queue_limit(3)).await;
    // No instance serves the queue.
    let expires_in = Some(stage.short());
    let ready = stage.submit(Task { expires_in, ..stage.task() }).await;
    let delayed = stage.submit(Task { delay: Stage::LASTING, expires_in, ..stage.task() }).await;
    let lasting = stage.submit_any().await;
    for _expired in [ready, delayed] {
        // They were accepted one after the other, so one may expire before the other.
        stage.until(&[], async || stage.ask(stage.task()).await.is_ok()).await;
    }
    assert!(stage.ask(stage.task()).await.is_err(), "two have gone, and two have come");
    assert_eq!(stage.details(lasting).await.status, TaskStatus::Pending);
    for id in [ready, delayed] {
        let details = stage.details(id).await;
        assert_eq!((details.status, details.cancel_reason), (TaskStatus::Cancelled, Some(CancelReason::Expired)));
    }
}

pub(crate) async fn batch_is_answered_in_order(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let first = stage.submit(request(&stage)).await;
    assert_eq!(consumer.claim_one().await.claim.task, first);

    let (before, after) = (stage.task(), stage.task());
    let conflict = Task { payload: Payload::script("1 + 2"), ..request(&stage) };
    let batch = [before.clone(), conflict, request(&stage), after.clone()].map(Arc::new).into();
    assert_eq!(
        stage.transport.submit(batch).await.expect("a submit"),
        [
            Ok(Submitted::Accepted(before.id)),
            Err(SubmitError::RequestIdConflict(first)),
            Ok(Submitted::Joined(first)),
            Ok(Submitted::Accepted(after.id)),
        ]
    );
    let claimed = consumer.claim_all(2).await;
    assert_eq!(claimed.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), [before.id, after.id]);
}

pub(crate) async fn delayed_task_waits_for_its_time(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let far = stage.submit(Task { delay: Stage::LASTING, ..stage.task() }).await;
    let delayed = stage.submit(Task { delay: stage.short(), ..stage.task() }).await;
    let at = stage.details(delayed).await.run_at.expect("it waits");
    let ready = stage.submit_any().await;
    assert_eq!(consumer.claim_one().await.claim.task, ready, "whose time has come");

    let claimed = stage.alive(&[], consumer.claim_one()).await;
    assert_eq!(claimed.claim.task, delayed);
    let started_at = stage.details(delayed).await.started_at.expect("a start");
    assert!(started_at >= at, "started at {started_at}, before {at}");
    assert_eq!(stage.details(far).await.status, TaskStatus::Pending);
}

pub(crate) async fn delayed_task_wakes_a_waiting_claim(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (one, other) = (stage.attach().await, stage.attach().await);
    let mut claims = [&one, &other].map(|consumer| Waiting::new(consumer.claim_one()));
    for claim in &mut claims {
        stage.park(claim).await;
    }
    // A task that is due earlier but added later must move the wake-up forward.
    let far = stage.submit(Task { delay: Stage::LASTING, ..stage.task() }).await;
    let soon = stage.submit(Task { delay: stage.short(), ..stage.task() }).await;

    let (claimed, _, still_waits) = stage.alive(&[], futures::future::select_all(claims)).await;
    assert_eq!(claimed.claim.task, soon);
    assert_eq!(still_waits.len(), 1);
    assert_eq!(stage.details(far).await.status, TaskStatus::Pending);
}

pub(crate) async fn child_is_listed_in_its_parent(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let parent = stage.submit_any().await;
    assert_eq!(stage.details(parent).await.children, []);
    let first = Task { request_id: Some("first".into()), ..stage.child_of(parent) };
    let id = first.id;
    stage.submit(first.clone()).await;
    assert_eq!(stage.ask(first.clone()).await, Ok(Submitted::Accepted(id)), "given again");
    let joins = stage.again_for("main", first);
    assert_eq!(stage.ask(joins).await, Ok(Submitted::Joined(id)));
    let second = stage.submit(stage.child_of(parent)).await;
    let other = stage.submit(stage.child_of(id)).await;

    let details = stage.details(parent).await;
    assert_eq!((details.parent, details.children), (None, vec![id, second]));
    let details = stage.details(id).await;
    assert_eq!((details.parent, details.children), (Some(parent), vec![other]));
}

pub(crate) async fn children_are_bounded(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_max_children(2)).await;
    let parent = stage.submit_any().await;
    let first = Task { request_id: Some("first".into()), ..stage.child_of(parent) };
    let children = [stage.submit(first.clone()).await, stage.submit(stage.child_of(parent)).await];
    let refused = stage.child_of(parent);
    let id = refused.id;
    assert_eq!(stage.ask(refused).await, Err(SubmitError::TooManyChildren { parent, limit: 2 }));
    assert_eq!(stage.transport.details(&[id]).await.expect("a look"), [None]);
    assert_eq!(stage.ask(first.clone()).await, Ok(Submitted::Accepted(children[0])), "it is one of them");
    let joins = stage.again_for("main", first);
    assert_eq!(stage.ask(joins).await, Ok(Submitted::Joined(children[0])), "it is one of them");
    let other = Task { request_id: Some("other".into()), ..stage.child_of(parent) };
    assert_eq!(stage.ask(other).await, Err(SubmitError::TooManyChildren { parent, limit: 2 }));
    assert_eq!(stage.details(parent).await.children, children);
}

pub(crate) async fn child_of_a_cancelled_task_is_refused(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let (running, removed) = (stage.submit_any().await, stage.submit_any().await);
    assert_eq!(consumer.claim_one().await.claim.task, running);
    assert_eq!(stage.cancel(running).await, Cancelled::Requested);
    assert_eq!(stage.cancel(removed).await, Cancelled::Removed);
    for parent in [running, removed] {
        assert_eq!(stage.ask(stage.child_of(parent)).await, Err(SubmitError::ParentCancelled(parent)));
        assert_eq!(stage.details(parent).await.children, []);
    }
    let next = stage.submit_any().await;
    assert_eq!(consumer.claim_one().await.claim.task, next);
}
