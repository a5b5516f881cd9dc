//! `Transport::instances` and `queues`

use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{Cancelled, Consumer, InstanceId, Priority, Submitted, Task};

use crate::Environment;
use crate::instance::Instance;
use crate::stage::{Stage, worker};

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

pub(crate) async fn queues_tell_the_oldest(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let _idle = stage.attach_to("other").await;
    assert_eq!(stage.queue("other").await.oldest_ready, None);
    stage.submit(Task { delay: Stage::LASTING, ..stage.task() }).await;
    assert_eq!(stage.queue("main").await.oldest_ready, None, "it is not ready");
    let mut accepted = Vec::new();
    for priority in [Priority::Normal, Priority::Low, Priority::High] {
        let id = stage.submit(Task { priority, ..stage.task() }).await;
        accepted.push((id, stage.details(id).await.created_at));
        let until = accepted[accepted.len() - 1].1 + Duration::from_millis(1);
        stage.until(&[], async || stage.transport.clock().wall() > until).await;
    }
    for (id, created_at) in accepted {
        assert_eq!(stage.queue("main").await.oldest_ready, Some(created_at));
        stage.cancel(id).await;
    }
    assert_eq!(stage.queue("main").await.oldest_ready, None);
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

pub(crate) async fn emptied_queue_is_not_listed(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    // Of a misspelt worker id, which no instance serves.
    let expires_in = Some(stage.short());
    let request_id = Some("once".into());
    let first = stage.submit(Task { request_id: request_id.clone(), ..stage.task_for("mian") }).await;
    stage.submit(Task { expires_in, ..stage.task_for("mian") }).await;
    let listed = async || -> Vec<String> {
        let queues = stage.transport.queues().await.expect("queues");
        queues.iter().map(|queue| queue.worker_id.to_string()).collect()
    };
    assert_eq!(listed().await, ["main", "mian"], "it holds tasks");
    stage.until(&[], async || stage.queue("mian").await.waiting() == 1).await;
    assert_eq!(stage.cancel(first).await, Cancelled::Removed);
    assert_eq!(listed().await, ["main"]);
    let again = Task { request_id, ..stage.task_for("mian") };
    assert_eq!(stage.ask(again).await, Ok(Submitted::Joined(first)), "its request id is known");
    assert_eq!(listed().await, ["main"]);

    // One that is served is listed until its last instance has detached.
    let claimed = stage.submit_any().await;
    assert_eq!(consumer.claim_one().await.claim.task, claimed);
    consumer.detach().await.expect("a detach");
    assert_eq!(listed().await, ["main"], "its task waits again");
    stage.cancel(claimed).await;
    assert_eq!(listed().await, [""; 0]);
}
