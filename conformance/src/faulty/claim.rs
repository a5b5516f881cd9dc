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

use super::consumer::Peer;
use super::fault::{ClaimAnswer, Fault, SubmitAnswer, faults};

faults! {
    TakesTheLastFirst => claim::claim_takes_in_order_of_submission;
    TakesMore => claim::claim_takes_no_more_than_asked;
    LosesWakeups =>
        claim::claim_waits_for_a_task,
        submit::delayed_task_wakes_a_waiting_claim,
        lease::takeover_wakes_a_waiting_claim;
    SharesQueues => claim::claim_serves_its_worker_id_only;
    HandsOutTwice => claim::task_is_claimed_once;
    LosesDroppedClaims => claim::dropped_claim_loses_nothing;
    TakesAll => claim::waiting_claims_share_what_is_ready;
    WakesOne => claim::dropped_wakeup_passes_on, claim::every_waiting_instance_is_woken;
}

/// Has a batch the wrong way round.
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

/// Claims one more than it should.
#[derive(Debug, Default)]
struct TakesMore;

#[async_trait]
impl Fault for TakesMore {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        peer.consumer.claim(max.saturating_add(1)).await
    }
}

/// Finds what is there when it is called, and is not told of anything that comes later.
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

/// Has one queue for all worker ids.
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

/// What one instance gets, the next that asks gets too.
#[derive(Debug, Default)]
struct HandsOutTwice {
    /// By queue.
    last: Mutex<HashMap<WorkerId, Vec<Claimed>>>,
}

#[async_trait]
impl Fault for HandsOutTwice {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        if let Some(again) = self.last.lock().expect("no panic").remove(&peer.worker_id) {
            return Ok(again);
        }
        let claimed = peer.consumer.claim(max).await?;
        self.last.lock().expect("no panic").insert(peer.worker_id.clone(), claimed.clone());
        Ok(claimed)
    }
}

/// What a claim was about to get is gone when it is dropped.
#[derive(Debug, Default)]
struct LosesDroppedClaims;

#[async_trait]
impl Fault for LosesDroppedClaims {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        Greedy(Some(peer.consumer.claim(max))).await
    }
}

/// A claim that takes once more on its way out.
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

/// Takes what others wait for.
#[derive(Debug, Default)]
struct TakesAll;

#[async_trait]
impl Fault for TakesAll {
    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        let mut claimed = peer.consumer.claim(max).await?;
        while let Some(rest) = NonZeroUsize::new(max.get() - claimed.len())
            && let Some(more) = peer.consumer.claim(rest).now_or_never()
        {
            claimed.extend(more?);
        }
        Ok(claimed)
    }
}

/// Wakes the first claim that waits, whoever still waits behind it.
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
