//! `Consumer::renew`: leases, and what comes of their end

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{self, Either};
use rhai_dispatcher_core::{Claimed, Consumer, Signal, TaskErrorKind, TaskId, TaskStatus};

use crate::Environment;
use crate::instance::{Instance, up_to};
use crate::stage::Stage;
use crate::waiting::Waiting;

/// A probation that is over before anybody looks.
const MOMENT: Duration = Duration::from_millis(1);

/// Submits a task, and lets the instance that claims it die.
async fn orphan(stage: &Stage<'_>) -> TaskId {
    let doomed = stage.attach().await;
    let id = stage.submit_any().await;
    assert_eq!(doomed.claim_one().await.claim.task, id);
    stage.kill(doomed);
    id
}

/// Submits two tasks, and lets the instance that claims them die.
async fn orphans(stage: &Stage<'_>) -> [TaskId; 2] {
    let doomed = stage.attach().await;
    let ids = [stage.submit_any().await, stage.submit_any().await];
    doomed.claim_all(2).await;
    stage.kill(doomed);
    ids
}

pub(crate) async fn renewed_lease_keeps_its_claims(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let (keeper, other) = (stage.attach().await, stage.attach().await);
    let id = stage.submit_any().await;
    let claim = keeper.claim_one().await.claim;
    let mut waiting = Waiting::new(other.claim_one());
    stage.park(&mut waiting).await;
    stage.linger(&[&keeper, &other]).await;
    assert_eq!(keeper.renew().await.expect("a renewal"), []);

    let next = stage.submit_any().await;
    let claimed = stage.alive(&[&keeper, &other], waiting).await;
    assert_eq!(claimed.claim.task, next, "the other waits for another one");
    keeper.complete(claim).await;
    let details = stage.details(id).await;
    assert_eq!((details.status, details.delivery), (TaskStatus::Completed, 1));
}

pub(crate) async fn tasks_of_a_dead_instance_are_redelivered(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let id = orphan(&stage).await;
    let survivor = stage.attach().await;
    let claimed = stage.alive(&[&survivor], survivor.claim_one()).await;
    assert_redelivered(&stage, &claimed, id, &survivor).await;
    survivor.complete(claimed.claim).await;
}

pub(crate) async fn takeover_wakes_a_waiting_claim(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let doomed = stage.attach().await;
    let id = stage.submit_any().await;
    doomed.claim_one().await;
    let survivor = stage.attach().await;
    let mut waiting = Waiting::new(survivor.claim_one());
    stage.park(&mut waiting).await;
    stage.kill(doomed);
    let claimed = stage.alive(&[&survivor], waiting).await;
    assert_redelivered(&stage, &claimed, id, &survivor).await;
}

async fn assert_redelivered(stage: &Stage<'_>, claimed: &Claimed, id: TaskId, to: &Arc<dyn Consumer>) {
    assert_eq!((claimed.claim.task, claimed.claim.delivery), (id, 2));
    assert_eq!((claimed.attempt, claimed.deaths), (0, 1));
    let details = stage.details(id).await;
    assert_eq!(details.status, TaskStatus::Processing);
    assert_eq!((details.instance, details.delivery, details.deaths), (Some(to.instance()), 2, 1));
}

pub(crate) async fn lost_claims_are_reported(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let late = stage.attach().await;
    stage.submit_any().await;
    let lost = late.claim_one().await.claim;
    let survivor = stage.attach().await;
    let claimed = stage.alive(&[&survivor], survivor.claim_one()).await;
    assert_eq!(claimed.claim.task, lost.task);
    assert_eq!(late.renew().await.expect("a renewal"), [lost]);
    assert_eq!(late.renew().await.expect("a renewal"), [], "what was told is not told again");
}

pub(crate) async fn suspect_runs_alone(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_probation(Stage::LASTING)).await;
    let (busy, free) = (stage.attach().await, stage.attach().await);
    let living = [&busy, &free];
    let plain = stage.submit_any().await;
    let plain_claim = busy.claim_one().await.claim;
    assert_eq!(plain_claim.task, plain);

    // Only an instance that holds nothing gets it, though another has waited longer. The orphan is
    // claimed first, since a claim that waits may take what is submitted without being polled.
    let suspect = stage.alive(&living, orphan(&stage)).await;
    let mut busy_waits = Waiting::new(busy.claim(up_to(10)));
    stage.park(&mut busy_waits).await;
    let free_waits = Waiting::new(free.claim(up_to(10)));
    let both = future::select(busy_waits, free_waits);
    let Either::Right((claimed, busy_waits)) = stage.alive(&living, both).await else {
        panic!("it went to an instance that holds another claim");
    };
    let claimed = claimed.expect("a claim");
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].claim.task, claimed[0].deaths), (suspect, 1));

    // While it holds the suspect it gets nothing, though others do.
    let mut free_waits = Waiting::new(free.claim(up_to(10)));
    stage.park(&mut free_waits).await;
    let next = stage.submit_any().await;
    let both = future::select(free_waits, busy_waits);
    let Either::Right((batch, mut free_waits)) = stage.alive(&living, both).await else {
        panic!("an instance with a suspect got company");
    };
    assert_eq!(batch.expect("a claim")[0].claim.task, next);
    stage.park(&mut free_waits).await;

    // When it is finished, that is over.
    free.complete(claimed[0].claim).await;
    let last = stage.submit_any().await;
    let batch = stage.alive(&living, free_waits).await.expect("a claim");
    assert_eq!(batch[0].claim.task, last);
}

pub(crate) async fn suspect_passes_its_probation(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_probation(MOMENT)).await;
    let orphans = orphans(&stage).await;
    let survivor = stage.attach().await;
    let claimed = stage.alive(&[&survivor], survivor.claim_all(2)).await;
    let tasks = [claimed[0].claim.task, claimed[1].claim.task];
    assert_eq!(tasks, orphans, "the other suspect, while the first still runs");

    let plain = stage.submit_any().await;
    let claimed = stage.alive(&[&survivor], survivor.claim_one()).await;
    assert_eq!(claimed.claim.task, plain, "and others");
}

pub(crate) async fn last_start_is_alone_to_its_end(env: &dyn Environment) {
    let config = env.config().with_probation(MOMENT).with_max_deliveries(2);
    let stage = Stage::open(env, config).await;
    let suspect = orphan(&stage).await;
    let survivor = stage.attach().await;
    let claimed = stage.alive(&[&survivor], survivor.claim_one()).await;
    assert_eq!((claimed.claim.task, claimed.deaths), (suspect, 1));
    let plain = stage.submit_any().await;
    let mut waiting = Waiting::new(survivor.claim_one());
    stage.park(&mut waiting).await;
    stage.linger(&[&survivor]).await;
    stage.park(&mut waiting).await;
    survivor.complete(claimed.claim).await;
    assert_eq!(stage.alive(&[&survivor], waiting).await.claim.task, plain);
}

pub(crate) async fn proven_suspect_is_spared_once(env: &dyn Environment) {
    let config = env.config().with_probation(MOMENT).with_max_deliveries(4);
    let stage = Stage::open(env, config).await;
    orphans(&stage).await;
    let mut deaths = Vec::new();
    for _ in 0..2 {
        let doomed = stage.attach().await;
        let claimed = stage.alive(&[&doomed], doomed.claim_all(2)).await;
        let (proven, last) = (claimed[0].claim.task, claimed[1].claim.task);
        stage.kill(doomed);
        let count = async |id| stage.details(id).await.deaths;
        stage.until(&[], async || count(last).await > claimed[1].deaths).await;
        deaths.push((claimed[0].deaths, count(proven).await));
        assert_eq!(count(last).await, claimed[1].deaths + 1, "the last to start is to blame");
    }
    let ((first, after_first), (second, after_second)) = (deaths[0], deaths[1]);
    assert_eq!((first, after_first), (1, 1), "the other had proved itself");
    assert_eq!(after_second, second + 1, "which counts once");
}

pub(crate) async fn task_that_kills_ends_in_an_error(env: &dyn Environment) {
    let stage = Stage::open(env, env.config().with_max_deliveries(2)).await;
    let id = orphan(&stage).await;
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

pub(crate) async fn late_renewal_revives_the_instance(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let late = stage.attach().await;
    stage.until(&[], async || stage.transport.instances(None).await.expect("instances").is_empty()).await;
    let id = stage.submit_any().await;
    let mut waiting = Waiting::new(late.claim_one());
    stage.park(&mut waiting).await;
    late.renew().await.expect("a renewal");
    assert_eq!(waiting.await.claim.task, id);
    assert_eq!(stage.transport.instances(None).await.expect("instances").len(), 1);
}

pub(crate) async fn lost_claim_is_signalled(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let late = stage.attach().await;
    let mut signals = late.signals();
    let mut signal = Waiting::new(signals.next());
    stage.submit_any().await;
    let lost = late.claim_one().await.claim;
    stage.park(&mut signal).await;
    let survivor = stage.attach().await;
    let claimed = stage.alive(&[&survivor], survivor.claim_one()).await;
    assert_eq!(claimed.claim.task, lost.task);
    assert_eq!(stage.alive(&[&late], signal).await, Some(Signal::Lost(lost)));
}

pub(crate) async fn suspect_goes_to_a_free_instance(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let busy = stage.attach().await;
    stage.submit_any().await;
    busy.claim_one().await;
    let suspect = orphan(&stage).await;
    let mut busy_waits = Waiting::new(busy.claim_one());
    stage.park(&mut busy_waits).await;
    stage.linger(&[&busy]).await;
    stage.park(&mut busy_waits).await;
    let free = stage.attach().await;
    let claimed = stage.alive(&[&busy, &free], free.claim_one()).await;
    assert_eq!((claimed.claim.task, claimed.deaths), (suspect, 1));
}
