//! `Transport::outcome`

use futures::future;
use rhai_dispatcher_core::{OutcomeError, TaskId, TaskStatus};

use crate::Environment;
use crate::instance::Instance;
use crate::stage::{Stage, outcome};

pub(crate) async fn outcome_after_the_end_is_ready(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    consumer.complete(consumer.claim_one().await.claim).await;

    assert_eq!(stage.outcome(id).await, stage.details(id).await);
    let other = stage.other_handle().await;
    assert_eq!(outcome(&other, id).await, stage.details(id).await);
}

pub(crate) async fn outcome_wakes_its_waiter(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut outcome = stage.outcome(id);
    stage.park(&mut outcome).await;
    let claim = consumer.claim_one().await.claim;
    stage.park(&mut outcome).await;
    consumer.complete(claim).await;

    let details = outcome.await;
    assert_eq!(details.status, TaskStatus::Completed);
    assert_eq!(details, stage.details(id).await);
}

pub(crate) async fn outcome_reaches_every_waiter(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let other = stage.other_handle().await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut outcomes =
        [stage.outcome(id), stage.outcome(id), outcome(&other, id), outcome(&other, id)];
    for outcome in &mut outcomes {
        stage.park(outcome).await;
    }
    consumer.complete(consumer.claim_one().await.claim).await;

    let told = stage.details(id).await;
    for details in future::join_all(outcomes).await {
        assert_eq!(details, told);
    }
}

pub(crate) async fn outcome_of_an_unknown_task_is_not_found(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let id = TaskId::new();
    let outcome = stage.transport.outcome(id).await;
    assert!(matches!(outcome, Err(OutcomeError::NotFound(of)) if of == id), "{outcome:?}");
}

pub(crate) async fn dropped_wait_leaves_nothing(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let unpolled = stage.outcome(id);
    assert_eq!(stage.transport.health().waiters, 1, "a wait begins with the call");
    let mut polled = stage.outcome(id);
    stage.park(&mut polled).await;
    assert_eq!(stage.transport.health().waiters, 2);
    drop(unpolled);
    drop(polled);
    assert_eq!(stage.transport.health().waiters, 0);

    consumer.complete(consumer.claim_one().await.claim).await;
    assert_eq!(stage.outcome(id).await.status, TaskStatus::Completed);
    assert_eq!(stage.transport.health().waiters, 0, "a wait ends with its outcome");
}
