use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use rhai_dispatcher_core::{Claim, Claimed, Completion, Finish, TaskId, TaskLog, WallTime};

use super::delivered_claim::DeliveredClaim;
use crate::finish::Finisher;
use crate::instance::{HeldClaim, LocalInstance};
use crate::wire;

/// Takes in what the server delivers to an instance.
#[derive(Debug)]
pub(crate) struct ClaimReceiver {
    pub(crate) instance: Arc<LocalInstance>,
    finisher: Arc<Finisher>,
}

impl ClaimReceiver {
    pub(crate) const fn new(instance: Arc<LocalInstance>, finisher: Arc<Finisher>) -> Self {
        Self { instance, finisher }
    }

    /// Takes in the claims that the server has delivered, but for those that are `known`. `started_at`: the server's
    /// time of the delivery.
    pub(crate) fn receive(
        &self,
        started_at: WallTime,
        given: Vec<DeliveredClaim>,
        known: &HashSet<TaskId>,
    ) -> Vec<Claimed> {
        let mut all = Vec::with_capacity(given.len());
        let now = self.instance.caller.clock.now();
        let mut claims = self.instance.lock();
        if claims.ended {
            return all; // the server releases them, or takes them over
        }
        let held_before = !claims.is_free();
        for given in given {
            let left = given.time_left(started_at);
            let queue_time = Some(given.queue_time(started_at));
            let DeliveredClaim { task: id, payload, delivery, attempt, deaths, .. } = given;
            let claim = Claim { task: id, instance: self.instance.id, delivery };
            let is_held = claims.held.get(&id).is_some_and(|held| held.claim == claim);
            if known.contains(&id) || is_held {
                continue;
            }
            match wire::decode_task(&payload) {
                Ok(task) => {
                    let bytes = task.payload.bytes() + task.args.as_str().len();
                    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                    claims.hold(HeldClaim { claim, attempt, deaths, started_at, bytes });
                    all.push(Claimed {
                        claim,
                        task: Arc::new(task),
                        deadline: left.to_end.map(|left| now + left),
                        latest_start: left.to_start.map(|left| now + left),
                        attempt,
                        deaths,
                        queue_time,
                    });
                }
                Err(problem) => self.dead_letter(claim, &problem.to_string()),
            }
        }
        let holds_some = !held_before && !claims.is_free();
        drop(claims);
        if holds_some {
            self.instance.waits.holds(true);
        }
        all
    }

    /// Ends a task whose payload can't be decoded; its script moves it to the dead letters.
    fn dead_letter(&self, claim: Claim, problem: &str) {
        tracing::warn!(
            "task {} of {} goes to the dead letters: {problem}",
            claim.task,
            self.instance.worker_id
        );
        let done = Completion { claim, finish: Finish::Abandon, log: TaskLog::new() };
        let ask = self.finisher.finish_undecodable(&self.instance, &done, problem);
        // If it fails the claim stays with this instance, and a take-over repeats it.
        tokio::spawn(async move { drop(ask.await) });
    }

    /// Distributes the claims of a dropped claim call to the next calls, and releases the rest.
    pub(crate) async fn pass_on(&self, returned: Vec<Claimed>) {
        self.instance.distribute(returned);
        let left = std::mem::take(&mut self.instance.lock().returned);
        let backs = left.into_iter().map(|claimed| {
            let done = Completion { claim: claimed.claim, finish: Finish::Release, log: TaskLog::new() };
            let back = self.finisher.finish(&self.instance, &done);
            async { back.await.is_err().then_some(claimed) }
        });
        // Claims whose release failed stay this instance's, and go to the next call.
        let kept: Vec<_> = join_all(backs).await.into_iter().flatten().collect();
        if !kept.is_empty() {
            self.instance.lock().returned.extend(kept);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
