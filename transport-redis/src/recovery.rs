//! How an instance gets its claims: from what a script says, when an answer was lost, and back from a call that
//! was dropped.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use rhai_dispatcher_core::{Claim, Claimed, Completion, Finish, TaskId, TaskLog, WallTime};
use tokio::time::Instant;

use crate::claims::Held;
use crate::client::{ClientError, Reply};
use crate::finishes::FinishOne;
use crate::given::Given;
use crate::instance::Instance;
use crate::script::Script;
use crate::wire;

/// How many claims it asks after at once, whose tasks may be large.
const AT_ONCE: usize = 128;

impl Instance {
    /// Looks for claims whose answer was lost.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<(), ClientError> {
        let _turn = self.turn.lock().await;
        let known = self.lock().known();
        let answer = self.ask_of_claims(&[]).await?;
        let held = answer.into_iter().nth(1).map(Reply::into_array).unwrap_or_default();
        let is_known = |id: &Bytes| {
            std::str::from_utf8(id).is_ok_and(|id| id.parse().is_ok_and(|id| known.contains(&id)))
        };
        let unknown: Vec<_> =
            held.iter().filter_map(Reply::as_bytes).filter(|id| !is_known(id)).cloned().collect();
        for some in unknown.chunks(AT_ONCE) {
            let replies = self.ask_of_claims(some).await?;
            self.check_lease()?;
            let now = replies.first().and_then(Reply::as_u64).unwrap_or(0);
            let claimed = self.adopt(WallTime::from_millis(now), Given::of_replies(&replies), &known);
            if !claimed.is_empty() {
                tracing::info!("{} claims whose answer was lost were found again", claimed.len());
            }
            self.lock().distribute(claimed);
        }
        Ok(())
    }

    async fn ask_of_claims(&self, ids: &[Bytes]) -> Result<Vec<Reply>, ClientError> {
        let mut args = self.args();
        for id in ids {
            args.push(id.clone());
        }
        let deadline = Instant::now() + self.caller.timeout;
        self.caller.run_once(Script::Recover, args, deadline).await
    }

    /// Makes what the server says it has claimed this instance's, but for what is `known`. `started_at`: when the
    /// server said so.
    pub(crate) fn adopt(
        self: &Arc<Self>,
        started_at: WallTime,
        given: Vec<Given>,
        known: &HashSet<TaskId>,
    ) -> Vec<Claimed> {
        let mut all = Vec::with_capacity(given.len());
        let now = self.caller.clock.now();
        let mut claims = self.lock();
        let held_before = !claims.is_free();
        for given in given {
            let left = given.time_left(started_at);
            let Given { task: id, payload, delivery, attempt, deaths, .. } = given;
            let claim = Claim { task: id, instance: self.id, delivery };
            let is_held = claims.held.get(&id).is_some_and(|held| held.claim == claim);
            if known.contains(&id) || is_held {
                continue;
            }
            match wire::decode_task(&payload) {
                Ok(task) => {
                    claims.hold(Held { claim, attempt, deaths, started_at });
                    all.push(Claimed {
                        claim,
                        task: Arc::new(task),
                        deadline: left.to_end.map(|left| now + left),
                        latest_start: left.to_start.map(|left| now + left),
                        attempt,
                        deaths,
                    });
                }
                Err(problem) => self.set_aside(claim, &problem.to_string()),
            }
        }
        let holds_some = !held_before && !claims.is_free();
        drop(claims);
        if holds_some {
            self.waits.holds(true);
        }
        all
    }

    /// Ends a task whose payload can't be read.
    fn set_aside(self: &Arc<Self>, claim: Claim, problem: &str) {
        tracing::warn!("task {} of {} is set aside: {problem}", claim.task, self.worker_id);
        let done = Completion { claim, finish: Finish::Abandon, log: TaskLog::new() };
        let ask = self.finishes.ask(FinishOne::undecodable(self, &done, problem));
        // If it fails the claim stays with this instance, and is set aside by who takes it over.
        tokio::spawn(async move { drop(ask.await) });
    }

    /// Hands back what a dropped claim call would have got, or gives it to the next.
    pub(crate) async fn pass_on(self: &Arc<Self>, returned: Vec<Claimed>) {
        let left = {
            let mut claims = self.lock();
            claims.distribute(returned);
            std::mem::take(&mut claims.returned)
        };
        let backs = left.into_iter().map(|claimed| {
            let done = Completion { claim: claimed.claim, finish: Finish::Release, log: TaskLog::new() };
            let back = self.finish(&done);
            async { back.await.is_err().then_some(claimed) }
        });
        // They stay this instance's, and go to the next call.
        let kept: Vec<_> = join_all(backs).await.into_iter().flatten().collect();
        if !kept.is_empty() {
            self.lock().returned.extend(kept);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
