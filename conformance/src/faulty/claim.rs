//! Faults of `Consumer::claim`

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use futures::task::noop_waker;
use rhai_dispatcher_core::{Claimed, InstanceSpec, Task, Transport, WorkerId};

use super::fault::{ClaimAnswer, Fault, SubmitAnswer, faults};
use super::peer::Peer;

faults! {
    TakesTheLastFirst => claim::claim_takes_in_order_of_submission;
    TakesMore => claim::claim_takes_no_more_than_asked;
    LosesWakeups =>
        claim::claim_waits_for_a_task,
        submit::delayed_task_wakes_a_waiting_claim,
        lease::takeover_wakes_a_waiting_claim;
    SharesQueues => claim::claim_serves_its_worker_id_only;
    DeliversTwice => claim::task_is_claimed_once;
    LosesDroppedClaims => claim::dropped_claim_loses_nothing;
    TakesAll => claim::waiting_claims_share_what_is_ready;
    WakesOne => claim::dropped_wakeup_passes_on, claim::every_waiting_instance_is_woken;
}

/// Returns a batch in reverse order.
#[derive(Debug, Default)]
struct TakesTheLastFirst;

#[async_trait]
impl Fault for TakesTheLastFirst {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let mut claimed = peer.consumer.claim(max).await?;
        claimed.reverse();
        Ok(claimed)
    }
}

/// Claims one task more than `max`.
#[derive(Debug, Default)]
struct TakesMore;

#[async_trait]
impl Fault for TakesMore {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        peer.consumer.claim(max.saturating_add(1)).await
    }
}

/// Claims tasks that are ready at the call, and is not woken by tasks that become ready later.
#[derive(Debug, Default)]
struct LosesWakeups;

#[async_trait]
impl Fault for LosesWakeups {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let queues = peer.transport.queues().await?;
        match queues.iter().find(|queue| queue.worker_id == peer.worker_id) {
            Some(queue) if queue.ready.iter().sum::<usize>() + queue.quarantined > 0 => {
                peer.consumer.claim(max).await
            }
            _ => future::pending().await,
        }
    }
}

/// Uses one queue for all worker ids.
#[derive(Debug, Default)]
struct SharesQueues;

impl SharesQueues {
    fn queue() -> WorkerId {
        WorkerId::try_from("everything").expect("a worker id")
    }
}

#[async_trait]
impl Fault for SharesQueues {
    async fn submit(&self, to: &dyn Transport, mut tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        tasks.iter_mut().for_each(|task| Arc::make_mut(task).worker_id = Self::queue());
        to.submit(tasks).await
    }

    fn spec(&self, spec: InstanceSpec) -> InstanceSpec {
        InstanceSpec { worker_id: Self::queue(), ..spec }
    }
}

/// Delivers the tasks of one claim again to the next claim.
#[derive(Debug, Default)]
struct DeliversTwice {
    /// The last claimed tasks of each queue.
    last: Mutex<HashMap<WorkerId, Vec<Claimed>>>,
}

#[async_trait]
impl Fault for DeliversTwice {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        if let Some(again) = self.last.lock().expect("no panic").remove(&peer.worker_id) {
            return Ok(again);
        }
        let claimed = peer.consumer.claim(max).await?;
        self.last.lock().expect("no panic").insert(peer.worker_id.clone(), claimed.clone());
        Ok(claimed)
    }
}

/// Loses the tasks that a dropped claim was about to return.
#[derive(Debug, Default)]
struct LosesDroppedClaims;

#[async_trait]
impl Fault for LosesDroppedClaims {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        Greedy(Some(peer.consumer.claim(max))).await
    }
}

/// A claim that claims once more when it is dropped.
struct Greedy<'a>(Option<BoxFuture<'a, ClaimAnswer>>);

impl Future for Greedy<'_> {
    type Output = ClaimAnswer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ClaimAnswer> {
        let claim = self.0.as_mut().expect("it is not polled after its end");
        let answer = claim.as_mut().poll(cx);
        if answer.is_ready() {
            self.0 = None;
        }
        answer
    }
}

impl Drop for Greedy<'_> {
    fn drop(&mut self) {
        if let Some(claim) = &mut self.0 {
            let _lost = claim.as_mut().poll(&mut Context::from_waker(&noop_waker()));
        }
    }
}

/// The first instance that claims has more claims at once than the others, and so their shares.
#[derive(Debug, Default)]
struct TakesAll {
    has_claimed: AtomicBool,
}

#[async_trait]
impl Fault for TakesAll {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let count = if self.has_claimed.swap(true, Ordering::Relaxed) { 1 } else { 6 };
        let claims = (0..count).map(|_| peer.consumer.claim(max));
        let (first, _, others) = future::select_all(claims).await;
        let mut claimed = first?;
        for more in others.into_iter().filter_map(FutureExt::now_or_never) {
            claimed.extend(more?);
        }
        Ok(claimed)
    }
}

/// Wakes only the first of several waiting claims.
#[derive(Debug, Default)]
struct WakesOne {
    waits: AtomicBool,
}

#[async_trait]
impl Fault for WakesOne {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        if self.waits.swap(true, Ordering::SeqCst) {
            return future::pending().await;
        }
        let claimed = peer.consumer.claim(max).await;
        self.waits.store(false, Ordering::SeqCst);
        claimed
    }
}
