//! Faults of `Consumer::finish`

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{Claim, Completion, Consumer, Finish, Finished, InstanceId, Transport};

use super::fault::{Fault, FinishAnswer, faults};
use super::peer::Peer;

faults! {
    DropsFinishes => finish::finish_writes_the_outcome;
    WritesTwice => finish::finish_twice_changes_nothing;
    IgnoresTheFence => finish::stale_finish_is_fenced;
    FencesNeighbours => finish::finish_batch_answers_each;
    RetriesAtOnce => finish::retry_waits_for_its_time;
    AbandonsReleased => finish::release_counts_no_delivery;
    ReleasesAbandoned => finish::abandoned_task_is_blamed;
    AbandonsRequeued => finish::requeued_task_counts_no_death;
}

/// Finishes with each completion changed.
async fn changed(peer: &Peer, done: &[Completion], change: impl Fn(&mut Finish)) -> FinishAnswer {
    let mut done = done.to_vec();
    done.iter_mut().for_each(|completion| change(&mut completion.finish));
    peer.consumer.finish(&done).await
}

/// Answers `Written` without a write.
#[derive(Debug, Default)]
struct DropsFinishes;

#[async_trait]
impl Fault for DropsFinishes {
    async fn finish(&self, _peer: &Peer, done: &[Completion]) -> FinishAnswer {
        done.iter().map(|_| Ok(Finished::Written)).collect()
    }
}

/// Accepts a second outcome.
#[derive(Debug, Default)]
struct WritesTwice;

#[async_trait]
impl Fault for WritesTwice {
    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        let answers = peer.consumer.finish(done).await;
        answers.into_iter().map(|answer| answer.map(|_| Finished::Written)).collect()
    }
}

/// Lets a stale finish end a task that another instance runs.
#[derive(Default)]
struct IgnoresTheFence {
    instances: Mutex<HashMap<InstanceId, Arc<dyn Consumer>>>,
}

impl fmt::Debug for IgnoresTheFence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IgnoresTheFence")
    }
}

impl IgnoresTheFence {
    /// The instance that holds the task of a fenced completion, and the completion with the claim of that instance.
    async fn forged(
        &self,
        transport: &dyn Transport,
        stale: &Completion,
    ) -> Option<(Arc<dyn Consumer>, Completion)> {
        let task = stale.claim.task;
        let details = transport.details(&[task]).await.ok()?.pop()??;
        let claim = Claim { task, instance: details.instance?, delivery: details.delivery };
        let holder = self.instances.lock().expect("no panic").get(&claim.instance).cloned()?;
        Some((holder, Completion { claim, ..stale.clone() }))
    }
}

#[async_trait]
impl Fault for IgnoresTheFence {
    async fn attached(&self, peer: &Peer) {
        let id = peer.consumer.instance();
        self.instances.lock().expect("no panic").insert(id, Arc::clone(&peer.consumer));
    }

    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        let answers = peer.consumer.finish(done).await;
        for (completion, answer) in done.iter().zip(&answers) {
            if matches!(answer, Ok(Finished::Fenced))
                && let Some((holder, forged)) = self.forged(&*peer.transport, completion).await
            {
                holder.finish(&[forged]).await;
            }
        }
        answers
    }
}

/// Answers `Fenced` for a whole batch if one of its completions is fenced.
#[derive(Debug, Default)]
struct FencesNeighbours;

#[async_trait]
impl Fault for FencesNeighbours {
    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        let answers = peer.consumer.finish(done).await;
        let fenced = answers.iter().any(|answer| matches!(answer, Ok(Finished::Fenced)));
        if fenced { answers.iter().map(|_| Ok(Finished::Fenced)).collect() } else { answers }
    }
}

/// Does not wait before a retry.
#[derive(Debug, Default)]
struct RetriesAtOnce;

#[async_trait]
impl Fault for RetriesAtOnce {
    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        changed(peer, done, |finish| {
            if let Finish::RetryIn(backoff, _) = finish {
                *backoff = Duration::ZERO;
            }
        })
        .await
    }
}

/// Treats a released task as abandoned.
#[derive(Debug, Default)]
struct AbandonsReleased;

#[async_trait]
impl Fault for AbandonsReleased {
    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        changed(peer, done, |finish| {
            if *finish == Finish::Release {
                *finish = Finish::Abandon;
            }
        })
        .await
    }
}

/// Treats a requeued task as abandoned, and so blames it.
#[derive(Debug, Default)]
struct AbandonsRequeued;

#[async_trait]
impl Fault for AbandonsRequeued {
    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        changed(peer, done, |finish| {
            if *finish == Finish::Requeue {
                *finish = Finish::Abandon;
            }
        })
        .await
    }
}

/// Treats an abandoned task as released, as if it had not started.
#[derive(Debug, Default)]
struct ReleasesAbandoned;

#[async_trait]
impl Fault for ReleasesAbandoned {
    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        changed(peer, done, |finish| {
            if *finish == Finish::Abandon {
                *finish = Finish::Release;
            }
        })
        .await
    }
}
