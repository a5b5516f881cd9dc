use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{
    Claim, Completion, EndedRun, Finish, Finished, InstanceReport, InstanceSpec, Reported, RunEvent,
    TransportError,
};

use crate::activity::ActivityLog;
use crate::hub::{Effects, Hub};
use crate::queue::{Instance, Queue};
use crate::record::Record;
use crate::wakes::Wakes;

/// An instance, where it belongs.
pub(super) struct Membership {
    pub(super) hub: Arc<Hub>,
    pub(super) queue: Arc<Queue>,
    pub(super) instance: Arc<Instance>,
    activity: Arc<ActivityLog>,
}

impl Membership {
    /// Begins an instance.
    pub(super) fn begin(hub: Arc<Hub>, spec: &InstanceSpec) -> Self {
        let queue = hub.queue(&spec.worker_id);
        let alive_until = hub.tick() + hub.config.transport.lease;
        let instance = Arc::new(Instance::new(spec.instance, alive_until));
        let mut state = queue.lock();
        state.instances.insert(spec.instance, Arc::clone(&instance));
        hub.arm(&queue, &mut state);
        drop(state);
        let activity = hub.activity_of(&spec.worker_id);
        Self { hub, queue, instance, activity }
    }

    /// Ends claims; one answer for each.
    pub(super) fn finish(&self, done: &[Completion]) -> Vec<Finished> {
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
        queue.redeliver(Arc::clone(record), delay, effects);
        if is_free {
            queue.is_free(&self.instance, effects); // the task counts among those that wait
        }
        self.hub.arm(&self.queue, &mut queue);
        Finished::Written
    }

    /// The answer to a claim that this instance does not hold any more.
    fn finish_stale(&self, claim: &Claim) -> Finished {
        let record = self.hub.record(claim.task, || self.hub.tick());
        let answer = record.map(|record| record.lock().fence(claim));
        match answer {
            Some(Err(stale)) => stale,
            Some(Ok(())) | None => Finished::Fenced,
        }
    }

    /// Tells the subscribers of a task what its run does.
    pub(super) fn publish(&self, claim: &Claim, event: RunEvent) {
        let record = match self.instance.lock().claims.get(&claim.task) {
            Some((held, record)) if held == claim => Arc::clone(record),
            _ => return,
        };
        let limits = self.hub.config.transport.event_limits();
        let mut wakes = Wakes::default();
        record.lock().publish(claim, event, limits, &mut wakes);
    }

    /// Logs runs that have ended.
    pub(super) fn record_activity(&self, runs: Vec<EndedRun>) {
        let Some(last) = runs.last().map(|run| run.ended_at) else { return };
        let (config, now) = (&self.hub.config, self.hub.config.clock.wall());
        let mut wakes = Wakes::default();
        if config.any_worker {
            // Their worker ids are those of the tasks, whatever this instance is called.
            for run in runs {
                let log = self.hub.activity_of(&run.task.worker_id);
                log.append(
                    [run.into_entry(last, now)].into_iter(),
                    (now, last),
                    &config.transport,
                    &mut wakes,
                );
            }
        } else {
            let entries = runs.into_iter().map(|run| run.into_entry(last, now));
            self.activity.append(entries, (now, last), &config.transport, &mut wakes);
        }
    }

    /// Renews the lease. Returns the claims that were lost since the last time.
    pub(super) fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        let mut effects = Effects::new(&self.hub);
        self.hub.process_due(&self.queue);
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
        self.hub.arm(&self.queue, &mut state);
        // A wake-up may have gone to a claim whose lane is blocked and does not poll it.
        if state.has_work() {
            state.wake_claimer(&mut effects);
        }
        drop(state);
        Ok(lost.iter().map(|lost| lost.claim).collect())
    }

    /// Notes what the instance says of itself, and counts what it has counted.
    pub(super) fn report(&self, report: &InstanceReport) -> Reported {
        let (now, max_figures) = (self.hub.config.clock.wall(), self.hub.config.transport.max_figures);
        let mut state = self.queue.lock();
        let mut held = self.instance.lock();
        let announced = &mut held.announced;
        if announced.note(report, now) {
            report.added.iter().for_each(|added| state.figures.add(added, now, max_figures));
        }
        Reported { has_description: announced.description.is_some() }
    }

    /// Ends the instance; its tasks wait again.
    pub(super) fn detach(&self) {
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
                state.redeliver(record, Duration::ZERO, &mut effects);
            }
        }
        let lease = self.hub.config.transport.lease;
        state.quarantine.detaches(self.instance.id, effects.tick(), lease);
        state.wake_all(&mut effects);
        self.hub.arm(&self.queue, &mut state);
        drop(state);
    }
}
