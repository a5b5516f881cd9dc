use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{CrashReport, Outcome, Requeued, Signal, TaskError, TaskErrorKind, TaskId};

use super::changes::Changes;
use super::instance::{Instance, InstanceState, Lost};
use super::queue_state::QueueState;
use crate::record::Record;

/// Which tasks of a dead instance count its death.
pub(crate) enum Verdict {
    /// All: nothing is known. A single one is to blame.
    Unreported,
    /// These, which are to blame.
    Reported(HashSet<TaskId>),
}

impl Verdict {
    /// The verdict of a report on an instance that held this.
    pub(crate) fn of(report: &CrashReport, held: &InstanceState) -> Self {
        let named = || report.running.iter().filter_map(|task| held.claims.get(task));
        let is_quarantined = |record: &Record| record.lock().progress.is_quarantined();
        let quarantined = named().any(|(_, record)| is_quarantined(record));
        let blamed = named().filter(|(_, record)| !quarantined || is_quarantined(record));
        Self::Reported(blamed.map(|(claim, _)| claim.task).collect())
    }
}

impl QueueState {
    /// Takes the tasks of instances whose lease has run out.
    pub(crate) fn take_over(&mut self, changes: &mut Changes<'_>) {
        let now = changes.config.clock.now();
        let dead = self.instances.extract_if(|_, instance| instance.lock().alive_until <= now);
        for (_, instance) in dead.collect::<Vec<_>>() {
            self.requeue_lost(&instance, &Verdict::Unreported, changes);
        }
    }

    /// Lets all tasks of an instance wait again that is taken for dead.
    pub(crate) fn requeue_lost(
        &mut self,
        instance: &Instance,
        verdict: &Verdict,
        changes: &mut Changes<'_>,
    ) -> Requeued {
        let mut held = instance.lock();
        held.expired = true;
        let claims = held.take_claims();
        let is_alone = claims.len() == 1;
        let mut requeued = Requeued::default();
        self.quarantine.dies(instance.id, changes.tick(), changes.config.transport.lease);
        for (claim, record) in claims {
            held.signal(Signal::Lost(claim), &mut changes.wakes);
            let mut state = record.lock();
            let is_mine = state.fence(&claim).is_ok();
            // A requested cancel is its outcome, without a death.
            let counted = (is_mine && state.cancel.is_none())
                .then(|| match verdict {
                    Verdict::Unreported => Some(state.count_death(is_alone)),
                    Verdict::Reported(blamed) => {
                        blamed.contains(&claim.task).then(|| state.count_death(true))
                    }
                })
                .flatten();
            drop(state);
            let revocable = counted.filter(|_| matches!(verdict, Verdict::Unreported));
            held.lost.push(Lost { claim, record: Arc::clone(&record), counted: revocable });
            if is_mine {
                *if counted.is_some() { &mut requeued.blamed } else { &mut requeued.released } += 1;
                self.redeliver(record, Duration::ZERO, changes);
            }
        }
        changes.wakes.extend(held.held_up.drain(..));
        drop(held);
        self.wake_all(changes);
        requeued
    }

    /// Takes back the deaths of an instance whose lease has run out, and that lives after all.
    pub(crate) fn take_deaths_back(&mut self, lost: &[Lost], changes: &mut Changes<'_>) {
        for Lost { record, counted, .. } in lost {
            let Some(death) = *counted else { continue };
            let mut state = record.lock();
            let is_free = state.take_back(death) && !state.progress.is_quarantined();
            drop(state);
            if is_free && self.quarantine.remove(record) {
                self.ready.put_back(Arc::clone(record));
                self.wake_claimer(changes);
            }
        }
    }

    /// Lets a task that is not running any more wait again, unless it had better not.
    pub(crate) fn redeliver(&mut self, record: Arc<Record>, delay: Duration, changes: &mut Changes<'_>) {
        let mut state = record.lock();
        let blamed = state.progress.blamed;
        let outcome = match state.cancel {
            Some(reason) => Some(Outcome::Cancelled(reason)),
            None if blamed >= changes.config.transport.max_deliveries => {
                Some(Outcome::Error(TaskError::new(
                    TaskErrorKind::Crashed,
                    format!("it has killed or blocked {blamed} worker instances (max_deliveries)"),
                )))
            }
            None => None,
        };
        match outcome {
            Some(outcome) => changes.end_without_run(&record, &mut state, outcome),
            None => {
                state.return_to_queue(delay, (changes.now, changes.tick()));
                drop(state);
                self.enqueue(record, changes);
            }
        }
    }
}
