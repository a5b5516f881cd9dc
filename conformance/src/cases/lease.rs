//! `Consumer::renew`: leases, and the take-over of tasks after their end

use std::sync::Arc;

use futures::StreamExt;
use rhai_dispatcher_core::{Claimed, Consumer, Signal, TaskId, TaskStatus};

use crate::Environment;
use crate::instance::{Instance, up_to};
use crate::stage::Stage;
use crate::waiting::Waiting;

pub(crate) async fn renewed_lease_keeps_its_claims(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let (keeper, other) = (stage.attach().await, stage.attach().await);
    let id = stage.submit_any().await;
    let claim = keeper.claim_one().await.claim;
    let mut waiting = Waiting::new(other.claim_one());
    stage.park(&mut waiting).await;
    stage.elapse_leases(&[&keeper, &other]).await;
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
    let id = stage.orphan().await;
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

pub(crate) async fn tasks_of_a_dead_instance_run_side_by_side(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let mut ids = stage.submit_some(3).await;
    stage.lose(&ids, 1).await;
    ids.push(stage.submit_any().await);
    let survivor = stage.attach().await;
    let claimed = stage.alive(&[&survivor], survivor.claim(up_to(10))).await.expect("a claim");
    assert_eq!(claimed.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), ids);
    assert_eq!(claimed.iter().map(|claimed| claimed.deaths).collect::<Vec<_>>(), [1, 1, 1, 0]);
}

pub(crate) async fn late_renewal_takes_deaths_back(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    for count in [2, 1] {
        let late = stage.attach().await;
        let ids = stage.submit_some(count).await;
        late.claim_all(count).await;
        for id in &ids {
            stage.until(&[], async || stage.details(*id).await.deaths == 1).await;
        }
        late.renew().await.expect("a renewal");
        let claimed = stage.alive(&[&late], late.claim_all(count)).await;
        for claimed in claimed {
            assert_eq!((claimed.claim.delivery, claimed.deaths), (2, 0));
            assert_eq!(stage.details(claimed.claim.task).await.deaths, 0);
        }
        late.detach().await.expect("a detach");
        stage.cancel_all(&ids).await;
    }
}
