//! `Transport::instances`, `queues` and `set_paused`

use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either};
use rhai_dispatcher_core::{Consumer, InstanceId, Priority, Task, TaskStatus};

use crate::Environment;
use crate::instance::Instance;
use crate::stage::{Stage, worker};
use crate::waiting::Waiting;

/// The ids of the living instances of a worker id, or of all worker ids, sorted.
async fn living(stage: &Stage<'_>, worker_id: Option<&str>) -> Vec<InstanceId> {
    let worker_id = worker_id.map(worker);
    let infos = stage.transport.instances(worker_id.as_ref()).await.expect("instances");
    if let Some(worker_id) = worker_id {
        assert!(infos.iter().all(|info| info.worker_id == worker_id));
    }
    sorted(infos.into_iter().map(|info| info.instance))
}

fn sorted(ids: impl IntoIterator<Item = InstanceId>) -> Vec<InstanceId> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort();
    ids
}

pub(crate) async fn instances_lists_the_living(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let (leaver, doomed, other) =
        (stage.attach().await, stage.attach().await, stage.attach_to("other").await);
    let ids = |consumers: &[&Arc<dyn Consumer>]| sorted(consumers.iter().map(|consumer| consumer.instance()));
    assert_eq!(living(&stage, Some("main")).await, ids(&[&leaver, &doomed]));
    assert_eq!(living(&stage, Some("other")).await, ids(&[&other]));
    assert_eq!(living(&stage, None).await, ids(&[&leaver, &doomed, &other]));

    leaver.detach().await.expect("a detach");
    assert_eq!(living(&stage, Some("main")).await, ids(&[&doomed]));
    stage.kill(doomed);
    stage.until(&[&other], async || living(&stage, Some("main")).await.is_empty()).await;
    assert_eq!(living(&stage, None).await, ids(&[&other]));
}

pub(crate) async fn queues_count_their_tasks(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (consumer, _idle) = (stage.attach().await, stage.attach().await);
    for (priority, count) in [(Priority::High, 1), (Priority::Normal, 2), (Priority::Low, 3)] {
        for _ in 0..count {
            stage.submit(Task { priority, ..stage.task() }).await;
        }
    }
    stage.submit(Task { delay: Stage::LASTING, ..stage.task() }).await;
    stage.submit(stage.task_for("other")).await;
    let claimed = consumer.claim_one().await;
    let mut ready = [1, 2, 3];
    let index = Priority::ALL.iter().position(|priority| *priority == claimed.task.priority);
    ready[index.expect("a priority")] -= 1;

    let queues = stage.transport.queues().await.expect("queues");
    let names: Vec<_> = queues.iter().map(|queue| queue.worker_id.as_str()).collect();
    assert_eq!(names, ["main", "other"], "by name");
    let main = &queues[0];
    assert_eq!((main.ready, main.delayed, main.quarantined), (ready, 1, 0));
    assert_eq!((main.claimed, main.instances, main.paused), (1, 2, false));
    let other = &queues[1];
    assert_eq!((other.ready, other.delayed, other.quarantined), ([0, 1, 0], 0, 0));
    assert_eq!((other.claimed, other.instances, other.paused), (0, 0, false));

    consumer.complete(claimed.claim).await;
    assert_eq!(stage.transport.queues().await.expect("queues")[0].claimed, 0);
}

pub(crate) async fn queues_leave_out_the_expired(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    // No instance serves the queue.
    let expires_in = Some(stage.short());
    for delay in [Duration::ZERO, Stage::LASTING] {
        stage.submit(Task { delay, expires_in, ..stage.task() }).await;
    }
    stage.submit_any().await;
    let main = async || {
        let queues = stage.transport.queues().await.expect("queues");
        (queues[0].ready[1], queues[0].delayed)
    };
    assert_eq!(main().await, (2, 1));
    stage.until(&[], async || main().await == (1, 0)).await;
}

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
