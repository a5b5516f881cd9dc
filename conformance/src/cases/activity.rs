//! `Consumer::record_activity`, and `Transport::activity` with what belongs to it

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use rhai_dispatcher_core::{
    ActivityEntry, ActivityError, ActivityNews, ActivityPosition, ActivityRange, CancelReason, Claimed, Consumer,
    EndedRun, MethodName, Moment, Payload, Task, TaskErrorKind, TaskId, TaskStatus,
};

use crate::Environment;
use crate::instance::Instance;
use crate::stage::{Stage, worker};
use crate::waiting::Waiting;

/// A run of a task that has just completed, after 3 ms.
fn ended(stage: &Stage<'_>, claimed: &Claimed) -> EndedRun {
    EndedRun {
        task: Arc::clone(&claimed.task),
        claim: claimed.claim,
        attempt: claimed.attempt,
        status: TaskStatus::Completed,
        queue_time: claimed.queue_time,
        run_time: Duration::from_millis(3),
        ended_at: stage.transport.clock().now(),
        cancel_reason: None,
        error: None,
    }
}

/// Submits, runs and logs a task.
async fn run_one(stage: &Stage<'_>, consumer: &Arc<dyn Consumer>) -> TaskId {
    let id = stage.submit_any().await;
    let claimed = consumer.claim_one().await;
    consumer.complete(claimed.claim).await;
    consumer.record_activity(vec![ended(stage, &claimed)]);
    id
}

async fn read(stage: &Stage<'_>, range: ActivityRange) -> (Vec<ActivityEntry>, Option<ActivityPosition>) {
    let read = stage.transport.activity(&worker("main"), range).await.expect("activity");
    (read.entries.into_iter().map(|(_, entry)| entry).collect(), read.next)
}

/// The newest entries, once there are `count`.
async fn entries(stage: &Stage<'_>, count: usize) -> Vec<ActivityEntry> {
    let mut found = Vec::new();
    let all = ActivityRange::latest(1_000);
    stage
        .until(&[], async || {
            found = read(stage, all).await.0;
            found.len() >= count
        })
        .await;
    found
}

/// The entry of a task. There must be one.
fn of(entries: &[ActivityEntry], id: TaskId) -> &ActivityEntry {
    let mut found = entries.iter().filter(|entry| entry.task_id == id);
    let entry = found.next().expect("an entry");
    assert_eq!(found.next(), None, "one entry for each end");
    entry
}

fn ids(entries: &[ActivityEntry]) -> Vec<TaskId> {
    entries.iter().map(|entry| entry.task_id).collect()
}

pub(crate) async fn activity_has_each_end(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let mut call = stage.task();
    call.payload = Payload::Call { method: MethodName::try_from("shop.prices.get").expect("a name") };
    call.context_id = Some("Ann".into());
    let mut script = stage.task();
    script.payload = Payload::Script { source: "1".into(), name: Some("jobs/daily.rhai".into()) };
    let (call_id, script_id) = (stage.submit(call).await, stage.submit(script).await);
    let (first, second) = (consumer.claim_one().await, consumer.claim_one().await);
    assert!(first.queue_time.is_some(), "the transport knows how long it has waited");
    let mut retried = ended(&stage, &first);
    retried.status = TaskStatus::Pending;
    retried.error = Some(ActivityError::new(TaskErrorKind::Timeout, "too \"slow\" ä".into(), Some(7)));
    let mut cancelled = ended(&stage, &second);
    (cancelled.status, cancelled.cancel_reason) = (TaskStatus::Cancelled, Some(CancelReason::Asked));
    consumer.record_activity(vec![retried.clone(), cancelled]);
    let again = EndedRun { attempt: 1, status: TaskStatus::Completed, error: None, ..retried.clone() };
    consumer.record_activity(vec![again]);

    let found = entries(&stage, 3).await;
    assert_eq!(ids(&found), [call_id, script_id, call_id], "newest first");
    let [completed, cancelled, retry] = &found[..] else { panic!("three entries: {found:?}") };
    let now = stage.transport.activity(&worker("main"), ActivityRange::latest(1)).await.expect("activity").now;
    let mut expected = ActivityEntry::new(call_id, worker("main"), "caller", TaskStatus::Pending, retry.ended_at);
    expected.method = first.task.payload.method().cloned();
    expected.context_id = Some("Ann".into());
    expected.delivery = 1;
    expected.instance = Some(consumer.instance());
    expected.queue_time = first.queue_time;
    expected.run_time = Some(Duration::from_millis(3));
    expected.error = retried.error;
    assert_eq!(*retry, expected);
    assert!(retry.ended_at <= now && now - retry.ended_at < Duration::from_secs(60), "{retry:?} at {now}");
    assert_eq!((completed.status, completed.attempt, &completed.error), (TaskStatus::Completed, 1, &None));
    assert_eq!((cancelled.status, cancelled.cancel_reason), (TaskStatus::Cancelled, Some(CancelReason::Asked)));
    assert_eq!(cancelled.script_name.as_deref(), Some("jobs/daily.rhai"));
}

pub(crate) async fn activity_is_bounded(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_max_activity(3)).await;
    let consumer = stage.attach().await;
    let mut submitted = Vec::new();
    for _ in 0..8 {
        submitted.push(run_one(&stage, &consumer).await);
        // Each in a batch of its own.
        let newest = *submitted.last().expect("one");
        stage.until(&[], async || ids(&entries(&stage, 1).await)[0] == newest).await;
    }
    submitted.reverse();
    assert_eq!(ids(&entries(&stage, 1).await), submitted[..3]);
}

pub(crate) async fn activity_outlives_its_instance(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = run_one(&stage, &consumer).await;
    consumer.detach().await.expect("a detach");
    assert_eq!(ids(&read(&stage, ActivityRange::latest(10)).await.0), [id], "what waited was sent");
}

pub(crate) async fn activity_pages_newest_first(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let mut submitted = Vec::new();
    for count in 1..=7 {
        submitted.push(run_one(&stage, &consumer).await);
        if count == 4 {
            entries(&stage, 4).await; // those are together, if the transport gathers entries
        }
    }
    entries(&stage, 7).await;
    submitted.reverse();
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let (entries, next) = read(&stage, ActivityRange::latest(2).with_before(before)).await;
        assert!(entries.len() <= 2, "{entries:?}");
        found.extend(ids(&entries));
        // Not in the pages that follow.
        run_one(&stage, &consumer).await;
        before = next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, submitted);
}

pub(crate) async fn activity_has_its_range(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let early = run_one(&stage, &consumer).await;
    let first = entries(&stage, 1).await.remove(0);
    stage.elapse_leases(&[&consumer]).await;
    let late = run_one(&stage, &consumer).await;
    let last = entries(&stage, 2).await.remove(0);
    let between = async |since, until| {
        let range = ActivityRange::latest(10).with_since(since).with_until(until);
        ids(&read(&stage, range).await.0)
    };
    let (at_first, at_last) = (Some(Moment::At(first.ended_at)), Some(Moment::At(last.ended_at)));
    assert_eq!(between(at_first, None).await, [late, early]);
    assert_eq!(between(at_last, None).await, [late]);
    assert_eq!(between(None, at_last).await, [early]);
    assert_eq!(between(at_first, at_last).await, [early]);
    assert_eq!(between(None, at_first).await, []);
    let ago = |time| Some(Moment::Ago(time));
    assert_eq!(between(ago(Duration::from_secs(1_000)), None).await, [late, early]);
    assert_eq!(between(None, ago(Duration::from_secs(1_000))).await, []);
}

pub(crate) async fn activity_of_ends_without_a_run(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_max_deliveries(1)).await;
    let consumer = stage.attach().await;
    let mut parent = stage.task();
    parent.context_id = Some("Ann".into());
    let parent = stage.submit(parent).await;
    let running = consumer.claim_one().await;
    let killer = stage.submit_any().await;
    assert_eq!(consumer.claim_one().await.claim.task, killer);
    let expiring = stage.submit(Task { expires_in: Some(stage.short() / 10), ..stage.task_for("other") }).await;
    let child = stage.submit(stage.child_of(parent)).await;
    let waiting = stage.submit_any().await;

    stage.cancel(waiting).await;
    stage.cancel(parent).await;
    consumer.complete(running.claim).await;
    stage.report_crash(&consumer, &[killer]).await;
    let found = entries(&stage, 3).await;
    assert_eq!(of(&found, waiting).cancel_reason, Some(CancelReason::Asked));
    let cancelled = of(&found, child);
    assert_eq!((cancelled.status, cancelled.cancel_reason), (TaskStatus::Cancelled, Some(CancelReason::Parent)));
    assert_eq!((cancelled.parent, cancelled.delivery, cancelled.instance), (Some(parent), 0, None));
    assert_eq!((cancelled.queue_time, cancelled.run_time), (None, None));
    let crashed = of(&found, killer);
    assert_eq!((crashed.status, crashed.delivery), (TaskStatus::Error, 1));
    assert_eq!(crashed.error.as_ref().map(|error| error.kind), Some(TaskErrorKind::Crashed));
    assert_eq!(&*crashed.caller_id, "caller");
    assert_eq!(found.len(), 3, "what the instance ends is logged by the instance: {found:?}");

    let mut expired = Vec::new();
    stage
        .until(&[], async || {
            stage.transport.queues().await.expect("queues");
            let range = ActivityRange::latest(10);
            expired = stage.transport.activity(&worker("other"), range).await.expect("activity").entries;
            !expired.is_empty()
        })
        .await;
    let (_, entry) = &expired[0];
    assert_eq!((entry.task_id, entry.cancel_reason), (expiring, Some(CancelReason::Expired)));
    assert_eq!(expired.len(), 1);
}

pub(crate) async fn worker_ids_with_activity_are_listed(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let active = async || -> Vec<String> {
        let ids = stage.transport.active_worker_ids().await.expect("worker ids");
        ids.iter().map(|id| id.as_str().to_owned()).collect()
    };
    let consumer = stage.attach().await;
    let _idle = stage.attach_to("idle").await;
    assert_eq!(active().await, [] as [&str; 0]);
    let id = stage.submit(stage.task_for("another")).await;
    stage.cancel(id).await;
    run_one(&stage, &consumer).await;
    consumer.detach().await.expect("a detach");
    assert_eq!(active().await, ["another", "main"], "by name");
}

pub(crate) async fn activity_reaches_a_watcher(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    run_one(&stage, &consumer).await;
    entries(&stage, 1).await;
    let other = stage.other_handle().await;
    let mut watch = other.watch_activity(&worker("main")).await.expect("a watch");
    let mut next = Waiting::new(watch.next());
    stage.park(&mut next).await;
    let first = run_one(&stage, &consumer).await;
    let news = |news| match news {
        Some(ActivityNews::Entry(entry)) => entry.task_id,
        other => panic!("an entry: {other:?}"),
    };
    assert_eq!(news(stage.alive(&[&consumer], next).await), first, "none from before");
    let waiting = stage.submit_any().await;
    stage.cancel(waiting).await;
    let next = Waiting::new(watch.next());
    assert_eq!(news(stage.alive(&[&consumer], next).await), waiting);
    let mut none = Waiting::new(watch.next());
    stage.park(&mut none).await;
}
