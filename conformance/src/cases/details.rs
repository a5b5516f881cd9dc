//! `Transport::details`

use rhai_dispatcher_core::{
    CancelReason, Completion, Finish, Outcome, Payload, Priority, Task, TaskId, TaskStatus, TaskSummary,
};

use crate::Environment;
use crate::instance::{Instance, completed, error, log};
use crate::stage::Stage;

pub(crate) async fn details_answers_in_order(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let one = stage.submit_any().await;
    let other = stage.submit(stage.task_for("other")).await;
    let asked = [other, TaskId::new(), one, TaskId::new(), other];
    let records = stage.transport.details(&asked).await.expect("details");
    let found: Vec<_> = records.into_iter().map(|record| record.map(|details| details.task_id)).collect();
    assert_eq!(found, [Some(other), None, Some(one), None, Some(other)]);
}

pub(crate) async fn details_follows_a_task(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let pending = stage.details(id).await;
    assert_eq!((pending.status, pending.delivery), (TaskStatus::Pending, 0));

    let claim = consumer.claim_one().await.claim;
    let running = stage.details(id).await;
    assert_eq!((running.status, running.delivery), (TaskStatus::Processing, 1));
    assert_eq!(running.instance, Some(consumer.instance()));
    let started_at = running.started_at.expect("a start");
    assert!(pending.created_at <= started_at && started_at <= running.updated_at);

    let done = Completion { claim, finish: completed(r#""done""#), log: log("so far so good") };
    consumer.end_all(&[done]).await;
    let ended = stage.details(id).await;
    assert_eq!((ended.status, ended.delivery), (TaskStatus::Completed, 1));
    assert_eq!(ended.output.expect("an output").to_string(), "done");
    assert_eq!(ended.log.lines(), log("so far so good").lines());
    assert_eq!((ended.created_at, ended.started_at), (pending.created_at, Some(started_at)));
    assert!(started_at <= ended.updated_at);
}

pub(crate) async fn summaries_are_those_of_the_records(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_record_ttl(Stage::LASTING)).await;
    let consumer = stage.attach().await;
    let named = |name: &str| {
        let payload = Payload::Script { source: "1".into(), name: Some(name.into()) };
        Task { payload, context_id: Some("context".into()), request_id: Some(name.into()), ..stage.task() }
    };
    let mut ids = Vec::new();
    for finish in [
        completed("42"),
        Finish::Outcome(Outcome::Error(error())),
        Finish::Outcome(Outcome::Cancelled(CancelReason::Withdrawn)),
        Finish::RetryIn(Stage::LASTING, error()),
    ] {
        ids.push(stage.submit(named(&format!("job-{}.rhai", ids.len()))).await);
        consumer.end(consumer.claim_one().await.claim, finish).await;
    }
    ids.push(stage.submit(named("running.rhai")).await);
    consumer.claim_one().await;
    let method = "shop.buy".parse().expect("a name");
    ids.push(stage.submit(Task { payload: Payload::Call { method }, ..stage.task() }).await);
    ids.push(stage.submit(Task { priority: Priority::High, ..stage.child_of(ids[4]) }).await);
    ids.push(stage.submit(Task { delay: Stage::LASTING, ..stage.task_for("other") }).await);
    ids.push(TaskId::new());

    let records = stage.transport.details(&ids).await.expect("details");
    let expected: Vec<_> = records.iter().map(|record| record.as_ref().map(TaskSummary::from)).collect();
    assert_eq!(expected.iter().flatten().count(), ids.len() - 1);
    assert_eq!(stage.transport.summaries(&ids).await.expect("summaries"), expected);
    let errors = expected.iter().flatten().filter(|summary| summary.error.is_some());
    assert_eq!(errors.count(), 2, "that of a failed task, and that of a try");
}

/// A task with a request id; each call makes another task with the same request id.
fn request(stage: &Stage<'_>) -> Task {
    Task { request_id: Some("request".into()), ..stage.task() }
}

pub(crate) async fn finished_record_expires(env: &dyn Environment) {
    let ttl = env.config().lease;
    let stage = Stage::with(env, |config| config.with_record_ttl(ttl)).await;
    let consumer = stage.attach().await;
    let id = stage.submit(request(&stage)).await;
    consumer.complete(consumer.claim_one().await.claim).await;

    stage.until(&[], async || stage.record(id).await.is_none()).await;
    stage.submit(request(&stage)).await;
}

pub(crate) async fn oldest_finished_records_go_first(env: &dyn Environment) {
    const MOST: usize = 32;
    let stage = Stage::with(env, |config| config.with_max_finished_records(MOST)).await;
    let consumer = stage.attach().await;
    let mut ended = Vec::new();
    for number in 0..16 * MOST {
        let request_id = Some(number.to_string().into());
        ended.push(stage.submit(Task { request_id, ..stage.task() }).await);
        consumer.complete(consumer.claim_one().await.claim).await;
    }
    let waiting = stage.submit_any().await;
    let records = stage.transport.details(&ended).await.expect("details");
    assert!(records[0].is_none(), "the oldest is gone");
    assert!(records[ended.len() - 1].is_some(), "the newest is there");
    let kept = records.iter().flatten().count();
    assert!(kept <= 2 * MOST, "{kept} are kept");
    assert_eq!(stage.details(waiting).await.status, TaskStatus::Pending, "it is not finished");
    stage.submit(Task { request_id: Some("0".into()), ..stage.task() }).await;
}

pub(crate) async fn unfinished_record_stays(env: &dyn Environment) {
    let ttl = env.config().lease;
    let stage = Stage::with(env, |config| config.with_record_ttl(ttl)).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let delayed = stage.submit(Task { delay: Stage::LASTING, ..stage.task() }).await;
    stage.elapse_leases(&[]).await;

    assert_eq!(stage.details(id).await.status, TaskStatus::Pending);
    assert_eq!(stage.details(delayed).await.status, TaskStatus::Pending);
    assert_eq!(consumer.claim_one().await.claim.task, id);
}
