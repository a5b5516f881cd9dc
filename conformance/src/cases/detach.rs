//! `Consumer::detach`

use std::sync::Arc;

use futures::StreamExt;
use rhai_dispatcher_core::{Consumer, TaskStatus, TransportError};

use crate::Environment;
use crate::instance::{Instance, up_to};
use crate::stage::Stage;
use crate::waiting::Waiting;

pub(crate) async fn detach_releases(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (leaver, stayer) = (stage.attach().await, stage.attach().await);
    let released = [stage.submit_any().await, stage.submit_any().await];
    let later = stage.submit_any().await;
    leaver.claim_all(2).await;
    leaver.detach().await.expect("a detach");
    for id in released {
        assert_eq!(stage.details(id).await.status, TaskStatus::Pending);
    }
    let claimed = stayer.claim_all(3).await;
    for (claimed, id) in claimed.iter().zip([released[0], released[1], later]) {
        assert_eq!((claimed.claim.task, claimed.claim.delivery, claimed.deaths), (id, 1, 0));
    }
}

pub(crate) async fn detached_instance_claims_no_more(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let mut waiting = Waiting::new(consumer.claim(up_to(1)));
    stage.park(&mut waiting).await;
    consumer.detach().await.expect("a detach");
    let ended = waiting.await;
    assert!(matches!(ended, Err(TransportError::Detached)), "{ended:?}");

    let id = stage.submit_any().await;
    let later = consumer.claim(up_to(1)).await;
    assert!(matches!(later, Err(TransportError::Detached)), "{later:?}");
    assert_eq!(stage.details(id).await.status, TaskStatus::Pending);
}

pub(crate) async fn dropped_consumer_is_detached_by_its_lease(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let dropped: Arc<dyn Consumer> = stage.attach().await;
    let id = stage.submit_any().await;
    dropped.claim_one().await;
    drop(dropped);
    let survivor = stage.attach().await;
    let claimed = stage.alive(&[&survivor], survivor.claim_one()).await;
    assert_eq!(claimed.claim.task, id);
    assert_eq!((claimed.claim.delivery, claimed.deaths), (2, 1), "it was not released");
}

pub(crate) async fn signals_end_with_the_instance(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let mut signals = consumer.signals();
    let mut signal = Waiting::new(signals.next());
    stage.park(&mut signal).await;
    consumer.detach().await.expect("a detach");
    assert_eq!(signal.await, None);
}
