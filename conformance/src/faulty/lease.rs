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
    Claim, Completion, Consumer, Finish, InstanceId, InstanceInfo, InstanceSpec, Outcome, TaskError,
    TaskErrorKind, TaskLog, TransportConfig, TransportError,
};

use super::fault::{ClaimAnswer, Fault, FinishAnswer, faults};
use super::peer::Peer;
use crate::stage::Stage;

faults! {
    IgnoresRenewals =>
        lease::renewed_lease_keeps_its_claims,
        lease::late_renewal_revives_the_instance,
        lease::late_renewal_takes_deaths_back;
    KeepsTheDeadAlive =>
        quarantine::task_that_fails_its_observation_waits_behind_others,
        lease::tasks_of_a_dead_instance_are_redelivered;
    StartsLostTasksAlone => lease::tasks_of_a_dead_instance_run_side_by_side;
    HidesLostClaims => lease::lost_claims_are_reported;
    ClaimsInTwoNames => quarantine::lone_quarantined_task_stays_alone, quarantine::reserved_instance_becomes_free;
    ObservesForEver => quarantine::quarantine_groups_grow, quarantine::silent_observer_delays_no_group;
    WaitsForAFreeInstance => quarantine::busy_instance_takes_quarantined_tasks;
    BlamesAllLost => quarantine::lost_tasks_in_company_are_not_blamed;
    NeverGivesUp => quarantine::task_that_kills_ends_in_an_error, crash::named_task_ends_in_an_error;
    KeepsItsTasks => detach::detach_releases;
    WaitsAfterTheEnd => detach::detached_instance_claims_no_more;
    DetachesOnDrop => detach::dropped_consumer_is_detached_by_its_lease, quarantine::task_lost_twice_is_quarantined;
}

/// Ignores renewals.
#[derive(Debug, Default)]
struct IgnoresRenewals;

#[async_trait]
impl Fault for IgnoresRenewals {
    async fn renew(&self, _peer: &Peer) -> Result<Vec<Claim>, TransportError> {
        Ok(Vec::new())
    }
}

/// Renews the leases of all instances at each renewal, also those of dead instances.
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

/// Does not report the lost claims when it renews an expired lease.
#[derive(Debug, Default)]
struct HidesLostClaims;

#[async_trait]
impl Fault for HidesLostClaims {
    async fn renew(&self, peer: &Peer) -> Result<Vec<Claim>, TransportError> {
        peer.consumer.renew().await?;
        Ok(Vec::new())
    }
}

/// Claims through a second instance too, so that an instance with a quarantined task gets more tasks.
#[derive(Default)]
struct ClaimsInTwoNames {
    second: Mutex<HashMap<InstanceId, Arc<dyn Consumer>>>,
}

impl fmt::Debug for ClaimsInTwoNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimsInTwoNames")
    }
}

impl ClaimsInTwoNames {
    fn second(&self, peer: &Peer) -> Arc<dyn Consumer> {
        Arc::clone(&self.second.lock().expect("no panic")[&peer.consumer.instance()])
    }
}

#[async_trait]
impl Fault for ClaimsInTwoNames {
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

/// Delivers each lost task alone.
#[derive(Debug, Default)]
struct StartsLostTasksAlone;

#[async_trait]
impl Fault for StartsLostTasksAlone {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let mut claimed = peer.consumer.claim(max).await?;
        if claimed[0].deaths > 0 {
            for other in claimed.drain(1..) {
                let done = Completion { claim: other.claim, finish: Finish::Release, log: TaskLog::new() };
                peer.consumer.finish(&[done]).await;
            }
        }
        Ok(claimed)
    }
}

/// The observation period of a group never ends.
#[derive(Debug, Default)]
struct ObservesForEver;

impl Fault for ObservesForEver {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_observation(Stage::LASTING)
    }
}

/// Delivers no quarantined tasks to an instance that holds other tasks.
#[derive(Debug, Default)]
struct WaitsForAFreeInstance;

#[async_trait]
impl Fault for WaitsForAFreeInstance {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let instances = peer.transport.instances(Some(&peer.worker_id)).await?;
        let is_me = |info: &&InstanceInfo| info.instance == peer.consumer.instance();
        let is_busy = instances.iter().find(is_me).is_some_and(|info| info.claimed > 0);
        let queues = peer.transport.queues().await?;
        let queue = queues.iter().find(|queue| queue.worker_id == peer.worker_id);
        match queue {
            Some(queue) if is_busy && queue.quarantined > 0 => future::pending().await,
            _ => peer.consumer.claim(max).await,
        }
    }
}

/// Ends each task that has been lost twice with an error.
#[derive(Debug, Default)]
struct BlamesAllLost;

#[async_trait]
impl Fault for BlamesAllLost {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let mut claimed = peer.consumer.claim(max).await?;
        for lost in claimed.extract_if(.., |claimed| claimed.deaths >= 2) {
            let crashed = TaskError::new(TaskErrorKind::Crashed, "it was lost twice");
            let finish = Finish::Outcome(Outcome::Error(crashed));
            peer.consumer.finish(&[Completion { claim: lost.claim, finish, log: TaskLog::new() }]).await;
        }
        if claimed.is_empty() { future::pending().await } else { Ok(claimed) }
    }
}

/// Sets no limit on the number of instances that a task may kill.
#[derive(Debug, Default)]
struct NeverGivesUp;

impl Fault for NeverGivesUp {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_deliveries(u32::MAX)
    }
}

/// Ignores a detach, so that the instance keeps its tasks.
#[derive(Debug, Default)]
struct KeepsItsTasks;

#[async_trait]
impl Fault for KeepsItsTasks {
    async fn detach(&self, _peer: &Peer) -> Result<(), TransportError> {
        Ok(())
    }
}

/// Lets a claim of a detached instance wait for ever.
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

/// Detaches a dropped consumer, so that a task which kills its instance counts no death.
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
