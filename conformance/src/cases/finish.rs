//! `Consumer::finish`

use rhai_dispatcher_core::{
    CancelReason, Completion, Finish, Finished, Json, Outcome, Task, TaskError, TaskErrorKind, TaskStatus,
};

use super::cancel::Family;
use crate::Environment;
use crate::instance::{Instance, completed, completion, error, log};
use crate::stage::Stage;

pub(crate) async fn finish_writes_the_outcome(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let outcomes = [
        Outcome::Completed(Json::parse(r#"{"a":[1,"ä",null]}"#).expect("JSON").into()),
        Outcome::Error(TaskError::new(TaskErrorKind::Limit, "too much").at(Some(2), Some(5))),
        Outcome::Error(error()),
        Outcome::Cancelled(CancelReason::Withdrawn),
    ];
    for outcome in outcomes {
        let id = stage.submit_any().await;
        let claim = consumer.claim_one().await.claim;
        let done = Completion { claim, finish: Finish::Outcome(outcome.clone()), log: log("on the way") };
        assert_eq!(consumer.end_all(&[done]).await, [Finished::Written]);

        let mut expected = stage.details(id).await;
        assert_eq!(expected.status, outcome.status());
        assert_eq!(expected.log.lines(), log("on the way").lines());
        let read = expected.clone();
        expected.set_outcome(outcome);
        assert_eq!(read, expected);
    }
}

pub(crate) async fn finish_twice_changes_nothing(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let claim = consumer.claim_one().await.claim;
    consumer.complete(claim).await;
    let before = stage.details(id).await;
    for finish in [completed("42"), Finish::Outcome(Outcome::Error(error())), Finish::Release] {
        let answer = consumer.end(claim, finish).await;
        assert_eq!(answer, Finished::AlreadyTerminal(TaskStatus::Completed));
        assert_eq!(stage.details(id).await, before);
    }
}

pub(crate) async fn stale_finish_is_fenced(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (first, second) = (stage.attach().await, stage.attach().await);
    let all = || {
        [
            completed(r#""stale""#),
            Finish::Outcome(Outcome::Error(error())),
            Finish::Outcome(Outcome::Cancelled(CancelReason::Asked)),
            Finish::RetryIn(Stage::LASTING, error()),
            Finish::Release,
            Finish::Requeue,
            Finish::Abandon,
        ]
    };
    for given_up in [Finish::Release, Finish::Requeue, Finish::Abandon] {
        let id = stage.submit_any().await;
        let stale = first.claim_one().await.claim;
        assert_eq!(first.end(stale, given_up).await, Finished::Written);
        let waiting = stage.details(id).await;
        for finish in all() {
            assert_eq!(first.end(stale, finish).await, Finished::Fenced, "while no instance holds it");
            assert_eq!(stage.details(id).await, waiting);
        }
        let current = second.claim_one().await.claim;
        let running = stage.details(id).await;
        for finish in all() {
            assert_eq!(first.end(stale, finish).await, Finished::Fenced, "while another has it");
            assert_eq!(stage.details(id).await, running);
        }
        second.complete(current).await;
        assert_eq!(stage.details(id).await.output.expect("an output").to_string(), "42");
    }
}

pub(crate) async fn cancelled_outcome_reaches_all_below(env: &dyn Environment) {
    let family = Family::new(env).await;
    let outcome = Finish::Outcome(Outcome::Cancelled(CancelReason::Expired));
    assert_eq!(family.consumer.end(family.parent, outcome).await, Finished::Written);
    family.expect_cancelled().await;
}

pub(crate) async fn finish_batch_answers_each(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    for _ in 0..4 {
        stage.submit_any().await;
    }
    let claims: Vec<_> = consumer.claim_all(4).await.iter().map(|claimed| claimed.claim).collect();
    consumer.end(claims[1], Finish::Release).await;
    consumer.complete(claims[2]).await;

    let batch: Vec<_> = claims.iter().map(|claim| completion(*claim, completed("7"))).collect();
    assert_eq!(
        consumer.end_all(&batch).await,
        [
            Finished::Written,
            Finished::Fenced,
            Finished::AlreadyTerminal(TaskStatus::Completed),
            Finished::Written,
        ]
    );
    for (claim, output) in [(claims[0], "7"), (claims[2], "42"), (claims[3], "7")] {
        assert_eq!(stage.details(claim.task).await.output.expect("an output").to_string(), output);
    }
    assert_eq!(stage.details(claims[1].task).await.status, TaskStatus::Pending);
}

pub(crate) async fn retry_waits_for_its_time(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let claim = consumer.claim_one().await.claim;
    let backoff = stage.short();
    assert_eq!(consumer.end(claim, Finish::RetryIn(backoff, error())).await, Finished::Written);
    let details = stage.details(id).await;
    assert_eq!((details.status, details.error), (TaskStatus::Pending, Some(error())));
    assert_eq!((details.delivery, details.attempt), (1, 1));
    let at = details.run_at.expect("it waits");
    assert_eq!(at, details.updated_at + backoff);
    let ready = stage.submit_any().await;
    let claimed = consumer.claim_one().await;
    assert_eq!(claimed.claim.task, ready, "whose time has come");
    consumer.complete(claimed.claim).await;

    let again = stage.alive(&[], consumer.claim_one()).await;
    assert_eq!((again.claim.task, again.claim.delivery), (id, 2));
    assert_eq!((again.attempt, again.deaths), (1, 0));
    let started_at = stage.details(id).await.started_at.expect("a start");
    assert!(started_at >= at, "started at {started_at}, before {at}");
    consumer.complete(again.claim).await;
    let details = stage.details(id).await;
    assert_eq!((details.status, details.error), (TaskStatus::Completed, None));
}

pub(crate) async fn release_counts_no_delivery(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (first, second) = (stage.attach().await, stage.attach().await);
    let released = stage.submit_any().await;
    let later = stage.submit_any().await;
    let claim = first.claim_one().await.claim;
    assert_eq!((claim.task, claim.delivery), (released, 1));
    assert_eq!(first.end(claim, Finish::Release).await, Finished::Written);
    assert_eq!(stage.details(released).await.status, TaskStatus::Pending);

    let claimed = second.claim_all(2).await;
    assert_eq!([claimed[0].claim.task, claimed[1].claim.task], [released, later]);
    assert_eq!((claimed[0].claim.delivery, claimed[0].attempt, claimed[0].deaths), (1, 0, 0));
}

pub(crate) async fn abandoned_task_is_blamed(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit(Task { awaited: true, ..stage.task() }).await;
    let claim = consumer.claim_one().await.claim;
    assert_eq!(consumer.end(claim, Finish::Abandon).await, Finished::Written);
    assert_eq!(stage.details(id).await.status, TaskStatus::Pending);
    assert_eq!(stage.queue("main").await.quarantined, 1);

    let again = consumer.claim_one().await;
    assert_eq!((again.claim.task, again.claim.delivery), (id, 2));
    assert_eq!((again.attempt, again.deaths), (0, 1));
    assert_eq!(stage.details(id).await.deaths, 1);
}

pub(crate) async fn requeued_task_counts_no_death(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let requeued = stage.submit_any().await;
    let later = stage.submit_any().await;
    let claim = consumer.claim_one().await.claim;
    assert_eq!((claim.task, claim.delivery), (requeued, 1));
    assert_eq!(consumer.end(claim, Finish::Requeue).await, Finished::Written);
    assert_eq!(stage.details(requeued).await.status, TaskStatus::Pending);

    let claimed = consumer.claim_all(2).await;
    assert_eq!([claimed[0].claim.task, claimed[1].claim.task], [requeued, later]);
    assert_eq!((claimed[0].claim.delivery, claimed[0].attempt, claimed[0].deaths), (2, 0, 0));
    assert_eq!(consumer.end(claim, completed("7")).await, Finished::Fenced, "the start that it was requeued from");
}
