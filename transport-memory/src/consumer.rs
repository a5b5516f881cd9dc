use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use rhai_dispatcher_core::{
    Claim, Claimed, Completion, Consumer, Finish, Finished, InstanceId, InstanceSpec, Signal, TransportError,
};

use crate::claim::ClaimFuture;
use crate::hub::{Effects, Hub};
use crate::instance::Instance;
use crate::queue::Queue;
use crate::record::Record;

/// One instance's side of the transport.
pub(crate) struct MemoryConsumer {
    member: Arc<Membership>,
}

/// An instance, where it belongs.
pub(crate) struct Membership {
    pub(crate) hub: Arc<Hub>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) instance: Arc<Instance>,
}

impl MemoryConsumer {
    pub(crate) fn attach(hub: Arc<Hub>, spec: &InstanceSpec) -> Self {
        let queue = hub.queue(&spec.worker_id);
        let alive_until = hub.config.clock.now() + hub.config.transport.lease;
        let instance = Arc::new(Instance::new(spec.instance, alive_until));
        let mut state = queue.lock();
        state.instances.insert(spec.instance, Arc::clone(&instance));
        queue.arm(&mut state, &hub);
        drop(state);
        Self { member: Arc::new(Membership { hub, queue, instance }) }
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    fn instance(&self) -> InstanceId {
        self.member.instance.id
    }

    fn lease(&self) -> Duration {
        self.member.hub.config.transport.lease
    }

    async fn claim(&self, max: NonZeroUsize) -> Result<Vec<Claimed>, TransportError> {
        ClaimFuture::new(Arc::clone(&self.member), max).await
    }

    async fn finish(&self, done: &[Completion]) -> Vec<Result<Finished, TransportError>> {
        self.member.finish(done).into_iter().map(Ok).collect()
    }

    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        self.member.renew()
    }

    fn signals(&self) -> BoxStream<'static, Signal> {
        let instance = Arc::clone(&self.member.instance);
        stream::poll_fn(move |cx| instance.lock().next_signal(cx.waker())).boxed()
    }

    async fn detach(&self) -> Result<(), TransportError> {
        self.member.detach();
        Ok(())
    }
}

impl Membership {
    fn finish(&self, done: &[Completion]) -> Vec<Finished> {
        let mut effects = Effects::new(&self.hub);
        let held = self.instance.lock();
        let find = |completion: &Completion| match held.claims.get(&completion.claim.task) {
            Some((claim, record)) if *claim == completion.claim => Some(Arc::clone(record)),
            _ => None,
        };
        let records: Vec<_> = done.iter().map(find).collect();
        drop(held);
        let answers = done.iter().zip(&records).map(|(completion, record)| match record {
            Some(record) => self.finish_one(completion, record, &mut effects),
            None => self.finish_stale(&completion.claim),
        });
        let answers: Vec<_> = answers.collect();
        // Only now: until it has ended, no other task starts beside one that its instance runs alone.
        let mut held = self.instance.lock();
        for (completion, answer) in done.iter().zip(&answers) {
            if matches!(completion.finish, Finish::Outcome(_)) && *answer == Finished::Written {
                held.release(&completion.claim);
            }
        }
        let is_free = held.has_become_free();
        drop(held);
        if is_free {
            self.queue.lock().is_free(&self.instance, &mut effects);
        }
        answers
    }

    fn finish_one(&self, done: &Completion, record: &Arc<Record>, effects: &mut Effects<'_>) -> Finished {
        let Finish::Outcome(outcome) = &done.finish else {
            return self.give_back(done, record, effects);
        };
        let mut state = record.lock();
        if let Err(stale) = state.fence(&done.claim) {
            return stale;
        }
        effects.end(record, &mut state, outcome.clone(), done.log.clone());
        Finished::Written
    }

    /// Lets a task wait again, in the way that was asked for.
    fn give_back(&self, done: &Completion, record: &Arc<Record>, effects: &mut Effects<'_>) -> Finished {
        let mut queue = self.queue.lock();
        let mut held = self.instance.lock();
        let mut state = record.lock();
        if let Err(stale) = state.fence(&done.claim) {
            return stale;
        }
        // Before the task can be claimed again, perhaps by this very instance.
        held.release(&done.claim);
        let is_free = held.has_become_free();
        drop(held);
        let mut delay = Duration::ZERO;
        match &done.finish {
            _ if state.cancel.is_some() => {} // that is its outcome, and nothing else is counted
            Finish::RetryIn(backoff, error) => {
                delay = *backoff;
                state.progress.error = Some(error.clone());
                state.progress.attempt += 1;
                // It came back, so it did not kill.
                (state.progress.deaths, state.progress.blamed) = (0, 0);
            }
            Finish::Abandon => {
                state.count_death(true);
                queue.quarantine.fails(self.instance.id, effects.tick(), self.hub.config.transport.lease);
            }
            Finish::Requeue => {}
            Finish::Release | Finish::Outcome(_) => state.uncount(),
        }
        drop(state);
        if matches!(done.finish, Finish::Abandon) {
            // It may have been alone with a group, whose observation has ended.
            effects.wakes.extend(self.instance.lock().held_up.drain(..));
        }
        queue.redeliver(Arc::clone(record), delay, &self.hub, effects);
        if is_free {
            queue.is_free(&self.instance, effects); // the task counts among those that wait
        }
        self.queue.arm(&mut queue, &self.hub);
        Finished::Written
    }

    /// The answer to a claim that this instance does not hold any more.
    fn finish_stale(&self, claim: &Claim) -> Finished {
        let record = self.hub.records.get(claim.task, || self.hub.tick());
        let answer = record.map(|record| record.lock().fence(claim));
        match answer {
            Some(Err(stale)) => stale,
            Some(Ok(())) | None => Finished::Fenced,
        }
    }

    fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        let mut effects = Effects::new(&self.hub);
        self.queue.process_due(&self.hub);
        let mut state = self.queue.lock();
        let mut held = self.instance.lock();
        if held.detached {
            return Err(TransportError::Detached);
        }
        let lost = std::mem::take(&mut held.lost);
        // It may have been sent before the process died, and shows nothing; the next one begins the instance again.
        if std::mem::take(&mut held.reported) {
            return Ok(lost.iter().map(|lost| lost.claim).collect());
        }
        held.alive_until = self.hub.config.clock.now() + self.hub.config.transport.lease;
        held.expired = false;
        effects.wakes.extend(held.held_up.drain(..));
        drop(held);
        state.take_deaths_back(&lost, &mut effects);
        state.lives(&self.instance, &mut effects);
        state.instances.insert(self.instance.id, Arc::clone(&self.instance));
        self.queue.arm(&mut state, &self.hub);
        // A wake-up may have gone to a claim whose lane is blocked and does not poll it.
        if state.has_work() {
            state.wake_claimer(&mut effects);
        }
        drop(state);
        Ok(lost.iter().map(|lost| lost.claim).collect())
    }

    fn detach(&self) {
        let mut effects = Effects::new(&self.hub);
        let mut state = self.queue.lock();
        state.instances.remove(&self.instance.id);
        let mut held = self.instance.lock();
        held.detach(&mut effects.wakes);
        let claims = held.take_claims();
        drop(held);
        for (claim, record) in claims {
            let mut written = record.lock();
            if written.fence(&claim).is_ok() {
                if written.cancel.is_none() {
                    written.uncount();
                }
                drop(written);
                state.redeliver(record, Duration::ZERO, &self.hub, &mut effects);
            }
        }
        let lease = self.hub.config.transport.lease;
        state.quarantine.detaches(self.instance.id, effects.tick(), lease);
        state.wake_all(&mut effects);
        self.queue.arm(&mut state, &self.hub);
        drop(state);
    }
}
