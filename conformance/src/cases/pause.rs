//! `Transport::set_paused`

use futures::future::{self, Either};
use rhai_dispatcher_core::TaskStatus;

use crate::Environment;
use crate::instance::Instance;
use crate::stage::{Stage, worker};
use crate::waiting::Waiting;

async fn pause(stage: &Stage<'_>, paused: bool) {
    stage.transport.set_paused(&worker("main"), paused).await.expect("a pause");
}

pub(crate) async fn paused_queue_delivers_nothing(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let early = stage.attach().await;
    let mut early_claim = Waiting::new(early.claim_one());
    stage.park(&mut early_claim).await;
    pause(&stage, true).await;
    let id = stage.submit_any().await;
    let late = stage.attach().await;
    let mut late_claim = Waiting::new(late.claim_one());
    stage.park(&mut late_claim).await;
    stage.park(&mut early_claim).await;

    // Another queue is not paused: it delivers a task that was submitted later.
    let elsewhere = stage.attach_to("other").await;
    let other = stage.submit(stage.task_for("other")).await;
    let paused_claims = future::select(early_claim, late_claim);
    let Either::Right((claimed, _)) = future::select(paused_claims, Waiting::new(elsewhere.claim_one())).await
    else {
        panic!("a paused queue delivered a task");
    };
    assert_eq!(claimed.claim.task, other);
    assert_eq!(stage.details(id).await.status, TaskStatus::Pending);
    let queues = stage.transport.queues().await.expect("queues");
    let main = queues.iter().find(|queue| queue.worker_id == worker("main")).expect("the queue");
    assert!(main.paused);
    assert_eq!(main.waiting(), 1);
}

pub(crate) async fn resumed_queue_wakes_its_claims(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (one, other) = (stage.attach().await, stage.attach().await);
    pause(&stage, true).await;
    let mut claims = [&one, &other].map(|consumer| Waiting::new(consumer.claim_one()));
    let submitted = [stage.submit_any().await, stage.submit_any().await];
    for claim in &mut claims {
        stage.park(claim).await;
    }
    pause(&stage, false).await;

    let claimed = future::join_all(claims).await;
    let mut tasks = [claimed[0].claim.task, claimed[1].claim.task];
    if tasks[0] != submitted[0] {
        tasks.reverse();
    }
    assert_eq!(tasks, submitted);
}
