//! Faults of `Consumer::renew` and `detach`

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::thread;

use async_trait::async_trait;
use futures::executor::block_on;
use futures::future;
use rhai_dispatcher_core::{
    Claim, Completion, Consumer, InstanceId, InstanceSpec, TaskId, TaskStatus, Transport, TransportConfig,
    TransportError,
};

use super::consumer::Peer;
use super::fault::{ClaimAnswer, DetailsAnswer, Fault, FinishAnswer, faults};

faults! {
    IgnoresRenewals => lease::renewed_lease_keeps_its_claims, lease::late_renewal_revives_the_instance;
    KeepsTheDeadAlive => lease::tasks_of_a_dead_instance_are_redelivered, lease::suspect_goes_to_a_free_instance;
    HidesLostClaims => lease::lost_claims_are_reported;
    GivesSuspectsCompany => lease::suspect_runs_alone, lease::last_start_is_alone_to_its_end;
    NeverTrusts => lease::suspect_passes_its_probation;
    BlamesEverybody => lease::proven_suspect_is_spared_once;
    NeverGivesUp => lease::task_that_kills_ends_in_an_error;
    KeepsItsTasks => detach::detach_hands_back;
    WaitsAfterTheEnd => detach::detached_instance_claims_no_more;
    DetachesOnDrop => detach::dropped_consumer_is_detached_by_its_lease;
}

/// A renewal does not count.
#[derive(Debug, Default)]
struct IgnoresRenewals;

#[async_trait]
impl Fault for IgnoresRenewals {
    async fn renew(&self, _peer: &Peer) -> Result<Vec<Claim>, TransportError> {
        Ok(Vec::new())
    }
}

/// A renewal counts for all instances, the dead ones among them.
#[derive(Default)]
struct KeepsTheDeadAlive {
    instances: Mutex<Vec<Arc<dyn Consumer>>>,
}

impl fmt::Debug for KeepsTheDeadAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeepsTheDeadAlive")
    }
}

#[async_trait]
impl Fault for KeepsTheDeadAlive {
    async fn attached(&self, peer: &Peer) {
        self.instances.lock().expect("no panic").push(Arc::clone(&peer.consumer));
    }

    async fn renew(&self, peer: &Peer) -> Result<Vec<Claim>, TransportError> {
        let instances = self.instances.lock().expect("no panic").clone();
        for consumer in instances {
            consumer.renew().await?;
        }
        peer.consumer.renew().await
    }
}

/// Renews a lease that was lost, and does not say so.
#[derive(Debug, Default)]
struct HidesLostClaims;

#[async_trait]
impl Fault for HidesLostClaims {
    async fn renew(&self, peer: &Peer) -> Result<Vec<Claim>, TransportError> {
        peer.consumer.renew().await?;
        Ok(Vec::new())
    }
}

/// An instance with a suspect gets more: it claims in two names.
#[derive(Default)]
struct GivesSuspectsCompany {
    second: Mutex<HashMap<InstanceId, Arc<dyn Consumer>>>,
}

impl fmt::Debug for GivesSuspectsCompany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivesSuspectsCompany")
    }
}

impl GivesSuspectsCompany {
    fn second(&self, peer: &Peer) -> Arc<dyn Consumer> {
        Arc::clone(&self.second.lock().expect("no panic")[&peer.consumer.instance()])
    }
}

#[async_trait]
impl Fault for GivesSuspectsCompany {
    async fn attached(&self, peer: &Peer) {
        let spec = InstanceSpec::new(peer.worker_id.clone());
        let second = peer.transport.attach(spec).await.expect("an attach");
        self.second.lock().expect("no panic").insert(peer.consumer.instance(), second);
    }

    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let second = self.second(peer);
        future::select(peer.consumer.claim(max), second.claim(max)).await.factor_first().0
    }

    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        let second = self.second(peer);
        let mut answers = Vec::with_capacity(done.len());
        for completion in done {
            let own = completion.claim.instance == peer.consumer.instance();
            let holder = if own { &peer.consumer } else { &second };
            answers.extend(holder.finish(std::slice::from_ref(completion)).await);
        }
        answers
    }

    async fn renew(&self, peer: &Peer) -> Result<Vec<Claim>, TransportError> {
        self.second(peer).renew().await?;
        peer.consumer.renew().await
    }
}

/// A suspect is one for as long as it runs.
#[derive(Debug, Default)]
struct NeverTrusts;

impl Fault for NeverTrusts {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_deliveries(2)
    }
}

/// Every start but the last is a death.
#[derive(Debug, Default)]
struct BlamesEverybody;

#[async_trait]
impl Fault for BlamesEverybody {
    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let mut records = of.details(ids).await?;
        for details in records.iter_mut().flatten() {
            let started = u32::from(details.status == TaskStatus::Processing);
            details.deaths = details.delivery - started;
        }
        Ok(records)
    }
}

/// Runs a task again however many instances it kills.
#[derive(Debug, Default)]
struct NeverGivesUp;

impl Fault for NeverGivesUp {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_deliveries(u32::MAX)
    }
}

/// An instance that leaves takes its tasks along.
#[derive(Debug, Default)]
struct KeepsItsTasks;

#[async_trait]
impl Fault for KeepsItsTasks {
    async fn detach(&self, _peer: &Peer) -> Result<(), TransportError> {
        Ok(())
    }
}

/// A claim of an instance that has ended waits for ever.
#[derive(Debug, Default)]
struct WaitsAfterTheEnd;

#[async_trait]
impl Fault for WaitsAfterTheEnd {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        match peer.consumer.claim(max).await {
            Err(TransportError::Detached) => future::pending().await,
            answer => answer,
        }
    }
}

/// Takes a drop for a detach, so that a task which kills its instance is never suspected.
#[derive(Debug, Default)]
struct DetachesOnDrop;

impl Fault for DetachesOnDrop {
    fn dropped(&self, consumer: &Arc<dyn Consumer>) {
        let consumer = Arc::clone(consumer);
        // On a thread of its own, because an executor may not be entered within another.
        let detached = thread::spawn(move || block_on(consumer.detach()));
        let _ = detached.join();
    }
}
