//! `Consumer::claim`

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future;
use rhai_dispatcher_core::{
    CancelReason, Claimed, Consumer, Finish, Json, Limits, MethodName, Payload, Task, TaskId, TaskStatus,
};

use crate::Environment;
use crate::instance::{Instance, up_to};
use crate::stage::{Stage, trace};
use crate::waiting::Waiting;

fn ids(claimed: &[Claimed]) -> Vec<TaskId> {
    claimed.iter().map(|claimed| claimed.claim.task).collect()
}

async fn submit(stage: &Stage<'_>, count: usize) -> Vec<TaskId> {
    let tasks: Vec<_> = (0..count).map(|_| Arc::new(stage.task())).collect();
    let ids = tasks.iter().map(|task| task.id).collect();
    let answers = stage.transport.submit(tasks).await.expect("a submit");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    ids
}

pub(crate) async fn claim_takes_in_order_of_submission(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let mut submitted = submit(&stage, 5).await;
    submitted.extend([stage.submit_any().await, stage.submit_any().await]);
    let mut claimed = consumer.claim_all(1).await;
    claimed.extend(consumer.claim_all(4).await);
    claimed.extend(consumer.claim_all(2).await);
    assert_eq!(ids(&claimed), submitted);
}

pub(crate) async fn claim_takes_no_more_than_asked(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (one, other) = (stage.attach().await, stage.attach().await);
    let submitted = submit(&stage, 5).await;
    let mut claimed = one.claim(up_to(2)).await.expect("a claim");
    assert!((1..=2).contains(&claimed.len()), "{} tasks", claimed.len());
    claimed.extend(other.claim_all(submitted.len() - claimed.len()).await);
    assert_eq!(ids(&claimed), submitted);
}

pub(crate) async fn claim_starts_the_task(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let limits = Some(Arc::new(Limits::default().with_max_wall_time(Duration::from_millis(1_500))));
    let trace = Some(Arc::new(trace("vendor=value")));
    let task = Task { context_id: Some("context".into()), limits, trace, ..stage.task() };
    stage.submit(task.clone()).await;

    let claimed = consumer.claim_one().await;
    assert_eq!(claimed.claim.task, task.id);
    assert_eq!(claimed.claim.instance, consumer.instance());
    assert_eq!((claimed.claim.delivery, claimed.attempt, claimed.deaths), (1, 0, 0));
    assert_eq!(claimed.task.payload, task.payload);
    assert_eq!(claimed.task.context_id, task.context_id);
    assert_eq!(claimed.task.limits, task.limits);
    assert_eq!(claimed.task.trace, task.trace);
    let details = stage.details(task.id).await;
    assert_eq!(details.status, TaskStatus::Processing);
    assert_eq!((details.instance, details.delivery), (Some(consumer.instance()), 1));
    assert!(details.started_at.is_some());

    let method = MethodName::try_from("billing.charge").expect("a name");
    let call = Task { payload: Payload::Call { method }, args: Json::parse("[5]").expect("JSON"), ..stage.task() };
    stage.submit(call.clone()).await;
    let claimed = consumer.claim_one().await;
    assert_eq!((&claimed.task.payload, &claimed.task.args), (&call.payload, &call.args));
}

pub(crate) async fn claim_waits_for_a_task(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    // Twice, because the first wake-up must not prevent a second one.
    for _ in 0..2 {
        let mut claim = Waiting::new(consumer.claim_one());
        stage.park(&mut claim).await;
        let id = stage.submit_any().await;
        assert_eq!(claim.await.claim.task, id);
    }
}

pub(crate) async fn claim_serves_its_worker_id_only(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (main, other) = (stage.attach().await, stage.attach_to("other").await);
    let for_other = stage.submit(stage.task_for("other")).await;
    let for_main = stage.submit_any().await;
    let unserved = stage.submit(stage.task_for("unserved")).await;
    assert_eq!(ids(&main.claim(up_to(10)).await.expect("a claim")), [for_main]);
    assert_eq!(stage.details(for_other).await.status, TaskStatus::Pending);
    assert_eq!(ids(&other.claim(up_to(10)).await.expect("a claim")), [for_other]);
    assert_eq!(stage.details(unserved).await.status, TaskStatus::Pending);
}

pub(crate) async fn task_is_claimed_once(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumers = [stage.attach().await, stage.attach().await, stage.attach().await];
    let mut left = submit(&stage, 30).await.into_iter().collect::<HashSet<_>>();
    while !left.is_empty() {
        let claims = consumers.iter().map(|consumer| consumer.claim(up_to(3)));
        // All three claims wait until one has tasks. The others are dropped, and must lose no task.
        let (claimed, winner, _) = future::select_all(claims).await;
        for claimed in claimed.expect("a claim") {
            assert_eq!(claimed.claim.instance, consumers[winner].instance());
            assert_eq!(claimed.claim.delivery, 1);
            assert!(left.remove(&claimed.claim.task), "{} was claimed twice", claimed.claim.task);
            consumers[winner].complete(claimed.claim).await;
        }
    }
    let last = stage.submit_any().await;
    for consumer in &consumers {
        let claimed = consumer.claim_one().await;
        assert_eq!(claimed.claim.task, last, "nothing was left behind");
        consumer.end(claimed.claim, Finish::Release).await;
    }
}

pub(crate) async fn dropped_claim_loses_nothing(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (dropper, other) = (stage.attach().await, stage.attach().await);
    for _ in 0..5 {
        let mut dropped = Waiting::new(dropper.claim(up_to(10)));
        stage.park(&mut dropped).await;
        let id = stage.submit_any().await;
        drop(dropped);
        assert_eq!(claimed_by_either(&dropper, &other).await.claim.task, id);
    }
}

/// The tasks of a dropped claim belong to its instance or are back in the queue, so either instance may claim
/// them next. The instance that does claims all of them.
async fn claimed_by_either(one: &Arc<dyn Consumer>, other: &Arc<dyn Consumer>) -> Claimed {
    let claims = [one, other].map(|consumer| Waiting::new(consumer.claim_one()));
    let (claimed, ..) = future::select_all(claims).await;
    claimed
}

pub(crate) async fn dropped_wakeup_passes_on(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (one, other) = (stage.attach().await, stage.attach().await);
    // The transport may serve either instance first; in one of the rounds that instance drops its claim.
    for (dropper, stayer) in [(&one, &other), (&other, &one)] {
        let mut dropped = Waiting::new(dropper.claim_one());
        stage.park(&mut dropped).await;
        let mut waiting = Waiting::new(stayer.claim_one());
        stage.park(&mut waiting).await;
        let id = stage.submit_any().await;
        drop(dropped);
        assert_eq!(waiting.await.claim.task, id);
    }
}

pub(crate) async fn every_waiting_instance_is_woken(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumers = [stage.attach().await, stage.attach().await, stage.attach().await];
    for in_one_batch in [true, false] {
        let mut claims: Vec<_> =
            consumers.iter().map(|consumer| Waiting::new(consumer.claim_one())).collect();
        for claim in &mut claims {
            stage.park(claim).await;
        }
        let mut submitted = HashSet::new();
        if in_one_batch {
            submitted.extend(submit(&stage, consumers.len()).await);
        } else {
            for _ in &consumers {
                submitted.insert(stage.submit_any().await);
            }
        }
        let claimed = future::join_all(claims).await;
        assert_eq!(ids(&claimed).into_iter().collect::<HashSet<_>>(), submitted);
    }
}

pub(crate) async fn waiting_claims_share_what_is_ready(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumers = [stage.attach().await, stage.attach().await, stage.attach().await];
    // Twice, because a share must not depend on an earlier share.
    for _ in 0..2 {
        let mut claims: Vec<_> =
            consumers.iter().map(|consumer| Waiting::new(consumer.claim(up_to(10)))).collect();
        for claim in &mut claims {
            stage.park(claim).await;
        }
        let mut left: HashSet<_> = submit(&stage, 8).await.into_iter().collect();
        let first = future::join_all(claims).await.into_iter().map(|claim| claim.expect("a claim"));
        for (claimed, consumer) in first.zip(&consumers) {
            assert!(claimed.len() <= 3, "{} of 8 tasks, for one of three", claimed.len());
            for claimed in claimed {
                assert!(left.remove(&claimed.claim.task));
                consumer.complete(claimed.claim).await;
            }
        }
        // A transport may accept a batch in parts: all instances may claim the tasks after the first part.
        while !left.is_empty() {
            let claims = consumers.iter().map(|consumer| consumer.claim(up_to(10)));
            let (claimed, winner, _) = future::select_all(claims).await;
            for claimed in claimed.expect("a claim") {
                assert!(left.remove(&claimed.claim.task));
                consumers[winner].complete(claimed.claim).await;
            }
        }
    }
}

pub(crate) async fn expired_task_is_not_started(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let over = Some(stage.short());
    let expires = stage.submit(Task { expires_in: over, ..stage.task() }).await;
    let has_deadline = stage.submit(Task { deadline_in: over, ..stage.task() }).await;
    let delayed = Task { delay: Stage::LASTING, expires_in: over, ..stage.task() };
    let delayed = stage.submit(delayed).await;
    let mut outcomes = [expires, has_deadline, delayed].map(|id| stage.outcome(id));
    for outcome in &mut outcomes {
        stage.park(outcome).await;
    }
    for outcome in outcomes {
        let details = stage.alive(&[], outcome).await;
        let ended = (details.status, details.cancel_reason, details.delivery);
        assert_eq!(ended, (TaskStatus::Cancelled, Some(CancelReason::Expired), 0));
        assert!(details.updated_at >= details.created_at + stage.short(), "not before its time");
    }
    let fresh = stage.submit(Task { expires_in: Some(Stage::LASTING), ..stage.task() }).await;
    assert_eq!(ids(&consumer.claim(up_to(10)).await.expect("a claim")), [fresh]);
}

pub(crate) async fn claimed_task_knows_its_time_left(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let clock = Arc::clone(stage.transport.clock());
    let accepted_after = clock.now();
    let (starts, ends) = (Stage::LASTING, 2 * Stage::LASTING);
    stage.submit(Task { expires_in: Some(starts), deadline_in: Some(ends), ..stage.task() }).await;
    stage.submit_any().await;
    let accepted_before = clock.now();
    stage.elapse_leases(&[]).await;
    let consumer = stage.attach().await;
    let claimed = consumer.claim_all(2).await;
    let asked_for = clock.now() - accepted_before;
    for (at, time) in [(claimed[0].latest_start, starts), (claimed[0].deadline, ends)] {
        let at = at.expect("it has one");
        assert!(at >= accepted_after + time, "{at:?} is before the end of {time:?}");
        let late = at - (accepted_before + time);
        assert!(late < asked_for / 2, "{late:?} late: the time that it waited is not gone");
    }
    assert_eq!((claimed[1].latest_start, claimed[1].deadline), (None, None));
}
