//! `Transport::report_crash`

use std::collections::HashSet;
use std::time::Duration;

use rhai_dispatcher_core::{Finished, InstanceId, Requeued, TaskErrorKind, TaskStatus};

use crate::Environment;
use crate::instance::{Instance, completed, up_to};
use crate::stage::Stage;

pub(crate) async fn crash_report_releases_the_unnamed(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let doomed = stage.attach().await;
    let mut ids = stage.submit_some(2).await;
    doomed.claim_all(2).await;
    ids.push(stage.submit_any().await);
    assert_eq!(stage.report_crash(&doomed, &[]).await, Requeued { released: 2, blamed: 0 });
    assert_eq!(stage.details(ids[0]).await.status, TaskStatus::Pending);

    let survivor = stage.attach().await;
    let claimed = survivor.claim_all(3).await;
    assert_eq!(claimed.iter().map(|claimed| claimed.claim.task).collect::<Vec<_>>(), ids);
    let counts: Vec<_> = claimed.iter().map(|claimed| (claimed.claim.delivery, claimed.deaths)).collect();
    assert_eq!(counts, [(2, 0), (2, 0), (1, 0)]);
}

pub(crate) async fn crash_report_quarantines_the_named(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_observation(Stage::LASTING)).await;
    let doomed = stage.attach().await;
    let ids = stage.submit_some(3).await;
    doomed.claim_all(3).await;
    assert_eq!(stage.report_crash(&doomed, &ids[1..]).await, Requeued { released: 1, blamed: 2 });
    assert_eq!(stage.queue("main").await.quarantined, 2);
    assert_eq!(stage.details(ids[1]).await.deaths, 1);

    let survivor = stage.attach().await;
    let claimed = survivor.claim(up_to(10)).await.expect("a claim");
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].claim.task, claimed[0].claim.delivery, claimed[0].deaths), (ids[1], 2, 1));
}

pub(crate) async fn crash_report_blames_the_quarantined(env: &dyn Environment) {
    let moment = Duration::from_millis(1);
    let stage = Stage::with(env, |config| config.with_observation(moment)).await;
    let quarantined = stage.quarantined(1).await[0];
    let doomed = stage.attach().await;
    assert_eq!(doomed.claim_one().await.claim.task, quarantined);
    let plain = stage.submit_any().await;
    assert_eq!(stage.alive(&[], doomed.claim_one()).await.claim.task, plain);
    let requeued = stage.report_crash(&doomed, &[quarantined, plain]).await;
    assert_eq!(requeued, Requeued { released: 1, blamed: 1 });
    assert_eq!(stage.details(quarantined).await.deaths, 2);
    assert_eq!(stage.details(plain).await.deaths, 0);
}

pub(crate) async fn named_task_ends_in_an_error(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_max_deliveries(2)).await;
    let id = stage.quarantined(1).await[0];
    let mut outcome = stage.outcome(id);
    stage.park(&mut outcome).await;
    let doomed = stage.attach().await;
    assert_eq!(doomed.claim_one().await.claim.task, id);
    stage.report_crash(&doomed, &[id]).await;
    let details = stage.alive(&[], outcome).await;
    assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Error, 2, 2));
    assert_eq!(details.error.expect("an error").kind, TaskErrorKind::Crashed);
}

pub(crate) async fn crash_report_ends_the_instance(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let doomed = stage.attach().await;
    let id = stage.submit_any().await;
    let claim = doomed.claim_one().await.claim;
    stage.report_crash(&doomed, &[]).await;
    assert_eq!(stage.transport.instances(None).await.expect("instances"), []);
    assert_eq!(doomed.end(claim, completed("7")).await, Finished::Fenced);
    assert_eq!(stage.details(id).await.status, TaskStatus::Pending);
}

pub(crate) async fn late_renewal_keeps_the_blame_of_a_report(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_observation(Stage::LASTING)).await;
    let reported = stage.attach().await;
    let ids = stage.submit_some(2).await;
    let claimed = reported.claim_all(2).await;
    stage.report_crash(&reported, &ids[..1]).await;
    let counts = async || {
        let details = [stage.details(ids[0]).await, stage.details(ids[1]).await];
        (details.map(|details| (details.status, details.deaths)), stage.queue("main").await.quarantined)
    };
    let blamed = ([(TaskStatus::Pending, 1), (TaskStatus::Pending, 0)], 1);
    assert_eq!(counts().await, blamed);

    let lost: HashSet<_> = reported.renew().await.expect("a renewal").into_iter().collect();
    assert_eq!(lost, claimed.iter().map(|claimed| claimed.claim).collect());
    assert_eq!(counts().await, blamed, "the renewal may have been sent before the process died");
    assert_eq!(stage.transport.instances(None).await.expect("instances"), []);

    assert_eq!(reported.renew().await.expect("a renewal"), []);
    assert_eq!(counts().await, blamed, "also after a report that was false");
    assert_eq!(stage.transport.instances(None).await.expect("instances").len(), 1);
    let again = reported.claim_one().await;
    assert_eq!((again.claim.task, again.claim.delivery, again.deaths), (ids[0], 2, 1));
    reported.complete(again.claim).await;
}

pub(crate) async fn stale_crash_report_changes_nothing(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let (late, survivor) = (stage.attach().await, stage.attach().await);
    let id = stage.submit_any().await;
    late.claim_one().await;
    let claim = stage.alive(&[&survivor], survivor.claim_one()).await.claim;
    let nothing = Requeued::default();
    assert_eq!(stage.report_crash(&late, &[id]).await, nothing, "its tasks run elsewhere");
    assert_eq!(stage.report_crash_of(InstanceId::new(), &[id]).await, nothing, "the instance is unknown");
    let ended = stage.attach().await;
    ended.detach().await.expect("a detach");
    assert_eq!(stage.report_crash(&ended, &[id]).await, nothing, "it has ended");
    assert_eq!(stage.details(id).await.deaths, 1);
    survivor.complete(claim).await;
}
