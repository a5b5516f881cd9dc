//! `Consumer::claim` of tasks that may have killed their instances: the quarantine

use std::time::Duration;

use futures::future::{self, Either};
use rhai_dispatcher_core::{Requeued, TaskErrorKind, TaskStatus};

use crate::Environment;
use crate::instance::{Instance, up_to};
use crate::stage::Stage;
use crate::waiting::Waiting;

/// An observation period that ends before the next call.
const MOMENT: Duration = Duration::from_millis(1);

pub(crate) async fn task_lost_twice_is_quarantined(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_observation(Stage::LASTING)).await;
    let ids = stage.submit_some(2).await;
    stage.lose(&ids, 1).await;
    stage.lose(&ids, 2).await;
    let survivor = stage.attach().await;
    let claimed = stage.alive(&[&survivor], survivor.claim(up_to(10))).await.expect("a claim");
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].claim.task, claimed[0].claim.delivery, claimed[0].deaths), (ids[0], 3, 2));
    assert_eq!(stage.queue("main").await.quarantined, 1);
}

pub(crate) async fn lone_quarantined_task_stays_alone(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_observation(Stage::LASTING)).await;
    let busy = stage.attach().await;
    stage.submit_any().await;
    busy.claim_one().await;
    let quarantined = stage.quarantined(1).await[0];
    let mut busy_waits = Waiting::new(busy.claim(up_to(10)));
    stage.park(&mut busy_waits).await;
    let free = stage.attach().await;
    let claimed = free.claim(up_to(10)).await.expect("a claim");
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].claim.task, quarantined);

    // While the quarantined task runs, its instance gets no other task, but other instances do.
    let mut free_waits = Waiting::new(free.claim(up_to(10)));
    stage.park(&mut free_waits).await;
    let next = stage.submit_any().await;
    let Either::Right((batch, mut free_waits)) = future::select(free_waits, busy_waits).await else {
        panic!("a quarantined task got company");
    };
    assert_eq!(batch.expect("a claim")[0].claim.task, next);
    stage.park(&mut free_waits).await;

    // After the quarantined task, the instance gets tasks again.
    free.complete(claimed[0].claim).await;
    let last = stage.submit_any().await;
    let batch = stage.alive(&[], free_waits).await.expect("a claim");
    assert_eq!(batch[0].claim.task, last);
}

pub(crate) async fn quarantine_groups_grow(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_observation(MOMENT)).await;
    let ids = stage.lost_twice(16).await;
    let survivor = stage.attach().await;
    let (mut sizes, mut tasks) = (Vec::new(), Vec::new());
    while tasks.len() < ids.len() {
        let group = stage.alive(&[&survivor], survivor.claim(up_to(20))).await.expect("a claim");
        sizes.push(group.len());
        tasks.extend(group.iter().map(|claimed| claimed.claim.task));
    }
    assert_eq!((sizes, tasks), (vec![1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 2], ids));
}

pub(crate) async fn reserved_instance_becomes_free(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_observation(Stage::LASTING)).await;
    let instances = [stage.attach().await, stage.attach().await];
    stage.submit_some(2).await;
    let held = [instances[0].claim_one().await.claim, instances[1].claim_one().await.claim];
    let quarantined = stage.quarantined(1).await[0];
    let [mut first, mut second] = [0, 1].map(|index| Waiting::new(instances[index].claim(up_to(10))));
    stage.park(&mut first).await;
    stage.park(&mut second).await;
    let plain = stage.submit_any().await;
    // One of the two instances is reserved for the quarantined tasks, so its claim still waits.
    let (claimed, mut waits, held, reserved) = match future::select(first, second).await {
        Either::Left((claimed, second)) => (claimed, second, held[1], &instances[1]),
        Either::Right((claimed, first)) => (claimed, first, held[0], &instances[0]),
    };
    assert_eq!(claimed.expect("a claim")[0].claim.task, plain);
    stage.submit_any().await;
    stage.park(&mut waits).await;

    reserved.complete(held).await;
    let claimed = stage.alive(&[], waits).await.expect("a claim");
    assert_eq!(claimed.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), [quarantined]);
}

pub(crate) async fn blamed_task_waits_behind_others(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_observation(Stage::LASTING)).await;
    let ids = stage.lost_twice(3).await;
    let doomed = stage.attach().await;
    assert_eq!(stage.alive(&[&doomed], doomed.claim_one()).await.claim.task, ids[0]);
    let requeued = stage.report_crash(&doomed, &[ids[0]]).await;
    assert_eq!(requeued, Requeued { released: 0, blamed: 1 });
    let survivor = stage.attach().await;
    for id in [ids[1], ids[2], ids[0]] {
        let group = stage.alive(&[&survivor], survivor.claim(up_to(10))).await.expect("a claim");
        assert_eq!(group.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), [id]);
        survivor.complete(group[0].claim).await;
    }
}

pub(crate) async fn task_that_fails_its_observation_waits_behind_others(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_observation(MOMENT)).await;
    for another_claims_before_the_death_is_noticed in [false, true] {
        let ids = stage.lost_twice(5).await;
        let doomed = stage.attach().await;
        for id in &ids[..2] {
            let group = stage.alive(&[&doomed], doomed.claim(up_to(10))).await.expect("a claim");
            assert_eq!(group.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), [*id]);
        }
        // It still runs the first beside the second, so neither is to blame.
        stage.kill(doomed);
        let survivor = stage.attach().await;
        let mut order = vec![ids[0], ids[2], ids[3], ids[4], ids[1]];
        if another_claims_before_the_death_is_noticed {
            let group = stage.alive(&[&survivor], survivor.claim(up_to(10))).await.expect("a claim");
            assert_eq!(group.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), [ids[2]]);
            survivor.complete(group[0].claim).await;
            order.remove(1);
        }
        stage.until(&[&survivor], async || stage.details(ids[1]).await.deaths == 3).await;
        for id in order {
            let group = stage.alive(&[&survivor], survivor.claim(up_to(10))).await.expect("a claim");
            assert_eq!(group.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), [id]);
            survivor.complete(group[0].claim).await;
        }
        survivor.detach().await.expect("a detach");
    }
}

pub(crate) async fn silent_observer_delays_no_group(env: &dyn Environment) {
    let stage =
        Stage::with(env, |config| config.with_observation(MOMENT).with_lease(10 * env.config().lease)).await;
    let ids = stage.quarantined(4).await;
    let silent = stage.attach().await;
    assert_eq!(silent.claim(up_to(10)).await.expect("a claim")[0].claim.task, ids[0]);
    let other = stage.attach().await;
    let mut waits = Waiting::new(other.claim(up_to(10)));
    stage.park(&mut waits).await;
    let group = stage.alive(&[&other], waits).await.expect("a claim");
    assert_eq!(group.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), [ids[1]]);
    assert_eq!(stage.transport.instances(None).await.expect("instances").len(), 2, "the silent one lives");
}

pub(crate) async fn death_in_observation_starts_over(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_observation(Stage::LASTING)).await;
    let ids = stage.lost_twice(12).await;
    let doomed = stage.attach().await;
    for _ in 0..8 {
        let first = stage.alive(&[&doomed], doomed.claim_one()).await;
        doomed.complete(first.claim).await;
    }
    let group = stage.alive(&[&doomed], doomed.claim(up_to(10))).await.expect("a claim");
    assert_eq!(group.len(), 2, "the groups of one have survived");
    stage.report_crash(&doomed, &[ids[8]]).await;
    let survivor = stage.attach().await;
    let group = stage.alive(&[&survivor], survivor.claim(up_to(10))).await.expect("a claim");
    assert_eq!(group.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), [ids[9]]);
}

pub(crate) async fn busy_instance_takes_quarantined_tasks(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_observation(Stage::LASTING)).await;
    let busy = stage.attach().await;
    stage.submit_any().await;
    busy.claim_one().await;
    let quarantined = stage.quarantined(1).await[0];
    let claimed = stage.alive(&[&busy], busy.claim_one()).await;
    assert_eq!(claimed.claim.task, quarantined);
    let plain = stage.submit_any().await;
    assert_eq!(stage.alive(&[&busy], busy.claim_one()).await.claim.task, plain);
}

pub(crate) async fn lost_tasks_in_company_are_not_blamed(env: &dyn Environment) {
    let config = env.config().with_observation(MOMENT).with_max_deliveries(2);
    let stage = Stage::open(env, config).await;
    let ids = stage.submit_some(2).await;
    for deaths in 1..=4 {
        stage.lose(&ids, deaths).await;
    }
    let survivor = stage.attach().await;
    for claimed in stage.alive(&[&survivor], survivor.claim_all(2)).await {
        survivor.complete(claimed.claim).await;
    }
}

pub(crate) async fn task_that_kills_ends_in_an_error(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_max_deliveries(2)).await;
    let id = stage.orphan().await;
    let mut outcome = stage.outcome(id);
    stage.park(&mut outcome).await;
    let doomed = stage.attach().await;
    let claimed = stage.alive(&[&doomed], doomed.claim_one()).await;
    assert_eq!((claimed.claim.task, claimed.deaths), (id, 1));
    stage.kill(doomed);

    let survivor = stage.attach().await;
    let mut waiting = Waiting::new(survivor.claim_one());
    stage.park(&mut waiting).await;
    let details = stage.alive(&[&survivor], outcome).await;
    assert_eq!(details.status, TaskStatus::Error);
    assert_eq!(details.error.expect("an error").kind, TaskErrorKind::Crashed);
    assert_eq!((details.delivery, details.deaths), (2, 2));

    let next = stage.submit_any().await;
    assert_eq!(stage.alive(&[&survivor], waiting).await.claim.task, next, "it is not run again");
}
