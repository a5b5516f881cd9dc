//! Faults of `Transport::events` and `Consumer::publish`

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future;
use rhai_dispatcher_core::{
    Claim, Completion, Consumer, EventLimits, EventQueue, RunEvent, TaskEvents, TaskId, TaskLog, Transport,
    TransportConfig, TransportExt,
};

use super::fault::{ClaimAnswer, Fault, FinishAnswer, faults};
use super::peer::Peer;
use crate::instance::up_to;

faults! {
    TellsTheEndOnly => events::events_follow_a_run;
    TellsOneSubscriber => events::events_reach_every_subscriber;
    ForgetsWhatWasTold => events::late_subscriber_gets_earlier_events;
    DropsTheLog => events::outcome_completes_the_lines;
    TellsTheFirstDelivery => events::events_of_the_next_delivery_follow;
    TellsUnderTheNewestClaim => events::events_of_a_lost_claim_are_dropped;
    KeepsAllEvents => events::slow_subscriber_loses_the_oldest_lines;
    DropsOldProgress => events::latest_progress_outlives_older_lines;
    FollowsTheUnknown => events::events_of_an_unknown_task_are_not_found;
}

/// A stream that has the end only.
fn end_only(of: &Arc<dyn Transport>, id: TaskId) -> TaskEvents {
    let queue = EventQueue::new(EventLimits { events: 1, bytes: 0 });
    TaskEvents::new(Arc::new(queue), of.outcome(id))
}

/// Tells subscribers the end of a task, and nothing before.
#[derive(Debug, Default)]
struct TellsTheEndOnly;

impl Fault for TellsTheEndOnly {
    fn events(&self, of: &Arc<dyn Transport>, id: TaskId) -> TaskEvents {
        end_only(of, id)
    }
}

/// Tells only the first subscriber to a task what happens before the end.
#[derive(Debug, Default)]
struct TellsOneSubscriber {
    followed: Mutex<HashSet<TaskId>>,
}

impl Fault for TellsOneSubscriber {
    fn events(&self, of: &Arc<dyn Transport>, id: TaskId) -> TaskEvents {
        match self.followed.lock().expect("no panic").insert(id) {
            true => of.events(id),
            false => end_only(of, id),
        }
    }
}

/// Tells a subscriber nothing of a task that has told something before.
#[derive(Debug, Default)]
struct ForgetsWhatWasTold {
    told: Mutex<HashSet<TaskId>>,
}

impl Fault for ForgetsWhatWasTold {
    fn publish(&self, peer: &Peer, claim: &Claim, event: RunEvent) {
        self.told.lock().expect("no panic").insert(claim.task);
        peer.consumer.publish(claim, event);
    }

    fn events(&self, of: &Arc<dyn Transport>, id: TaskId) -> TaskEvents {
        match self.told.lock().expect("no panic").contains(&id) {
            true => end_only(of, id),
            false => of.events(id),
        }
    }
}

/// Writes outcomes without their logs.
#[derive(Debug, Default)]
struct DropsTheLog;

#[async_trait]
impl Fault for DropsTheLog {
    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        let without_log = |done: &Completion| Completion { log: TaskLog::new(), ..done.clone() };
        peer.consumer.finish(&done.iter().map(without_log).collect::<Vec<_>>()).await
    }
}

/// Publishes only what the first delivery of a task tells.
#[derive(Debug, Default)]
struct TellsTheFirstDelivery;

impl Fault for TellsTheFirstDelivery {
    fn publish(&self, peer: &Peer, claim: &Claim, event: RunEvent) {
        if claim.delivery == 1 {
            peer.consumer.publish(claim, event);
        }
    }
}

/// Publishes what a run tells as if the run with the newest claim of its task had told it.
#[derive(Default)]
struct TellsUnderTheNewestClaim {
    newest: Mutex<HashMap<TaskId, Newest>>,
}

/// The newest claim of a task.
struct Newest {
    consumer: Arc<dyn Consumer>,
    claim: Claim,
}

impl fmt::Debug for TellsUnderTheNewestClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TellsUnderTheNewestClaim")
    }
}

#[async_trait]
impl Fault for TellsUnderTheNewestClaim {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let claimed = peer.consumer.claim(max.min(up_to(1))).await?;
        let mut newest = self.newest.lock().expect("no panic");
        for claimed in &claimed {
            let claim = claimed.claim;
            newest.insert(claim.task, Newest { consumer: Arc::clone(&peer.consumer), claim });
        }
        Ok(claimed)
    }

    fn publish(&self, _peer: &Peer, claim: &Claim, event: RunEvent) {
        if let Some(newest) = self.newest.lock().expect("no panic").get(&claim.task) {
            newest.consumer.publish(&newest.claim, event);
        }
    }
}

/// Keeps more events than the config says.
#[derive(Debug, Default)]
struct KeepsAllEvents;

impl Fault for KeepsAllEvents {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_events(usize::MAX)
    }
}

/// Does not publish progress, which is as if it went with the lines beside it.
#[derive(Debug, Default)]
struct DropsOldProgress;

impl Fault for DropsOldProgress {
    fn publish(&self, peer: &Peer, claim: &Claim, event: RunEvent) {
        if !matches!(event, RunEvent::Progress { .. }) {
            peer.consumer.publish(claim, event);
        }
    }
}

/// Follows an unknown task for ever.
#[derive(Debug, Default)]
struct FollowsTheUnknown;

impl Fault for FollowsTheUnknown {
    fn events(&self, of: &Arc<dyn Transport>, id: TaskId) -> TaskEvents {
        let known = Arc::clone(of);
        let outcome = async move {
            match known.details_of(id).await {
                Ok(_) => known.outcome(id).await,
                Err(_) => future::pending().await,
            }
        };
        TaskEvents::new(Arc::new(EventQueue::new(EventLimits { events: 1, bytes: 0 })), Box::pin(outcome))
    }
}
