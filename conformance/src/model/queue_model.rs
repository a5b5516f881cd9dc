use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rhai_dispatcher_core::{CancelReason, Cancelled, Finished, Priority, TaskStatus, TransportConfig};

use super::answer::{Answer, ClaimId, QueueView};
use super::model_instance::{Life, ModelInstance};
use super::model_task::ModelTask;
use super::operation::Operation;
use super::quarantine::Quarantine;
use super::weights::Weights;

/// The queues of a transport, their tasks and instances.
///
/// What waits where is not stored: it follows from the tasks.
#[derive(Debug, Clone)]
pub(super) struct QueueModel {
    pub(super) config: TransportConfig,
    /// How long an instance lets pass to lose its lease: none where a test ages the lease.
    lease_takes: Duration,
    pub(super) now: Duration,
    pub(super) tasks: Vec<ModelTask>,
    /// All claims that were made, each once.
    pub(super) claims: Vec<ClaimId>,
    pub(super) instances: Vec<ModelInstance>,
    /// The instance in each slot.
    pub(super) slots: Vec<usize>,
    pub(super) queues: [ModelQueue; Self::QUEUES],
    /// The ends of claims that were not written: the instance knows that it has lost these, and a renewal need not say so.
    pub(super) known_lost: HashSet<ClaimId>,
    /// Whether tasks have expired since the queues were read.
    pub(super) has_unread_expiry: bool,
}

#[derive(Debug, Clone)]
pub(super) struct ModelQueue {
    pub(super) is_paused: bool,
    pub(super) weights: Weights,
    pub(super) quarantine: Quarantine,
    /// The task behind each request id.
    pub(super) requests: HashMap<u8, usize>,
}

impl QueueModel {
    pub(super) const QUEUES: usize = 2;
    /// The queue that the instance of each slot serves.
    pub(super) const SLOTS: [usize; 3] = [0, 0, 1];

    /// Empty queues, each with one instance more than the slots say, which never claims.
    pub(super) fn new(config: TransportConfig, lease_takes: Duration) -> Self {
        let queue = ModelQueue {
            is_paused: false,
            weights: Weights::new(),
            quarantine: Quarantine::new(),
            requests: HashMap::new(),
        };
        Self {
            config,
            lease_takes,
            now: Duration::ZERO,
            tasks: Vec::new(),
            claims: Vec::new(),
            instances: Self::SLOTS.map(ModelInstance::new).into(),
            slots: (0..Self::SLOTS.len()).collect(),
            queues: [queue.clone(), queue],
            known_lost: HashSet::new(),
            has_unread_expiry: false,
        }
    }

    /// The operation with what it names, or none if there is nothing of the kind.
    pub(super) fn resolve(&self, operation: &Operation) -> Option<Operation> {
        let mut resolved = operation.clone();
        match &mut resolved {
            Operation::SubmitAgain { task } | Operation::Cancel { task, .. } => {
                *task = task.checked_rem(self.tasks.len())?;
            }
            Operation::Finish { claim, .. } => {
                *claim = claim.checked_rem(self.claims.len())?;
                let life = self.instances[self.claims[*claim].instance].life;
                (life != Life::Detached).then_some(())?;
            }
            Operation::Claim { slot, .. }
            | Operation::LoseLease { slot }
            | Operation::ReportCrash { slot, .. } => {
                self.lives(*slot).then_some(())?;
            }
            Operation::Elapse(_) => (!self.lease_takes.is_zero()).then_some(())?,
            Operation::Submit { .. }
            | Operation::SetPaused { .. }
            | Operation::Renew { .. }
            | Operation::Replace { .. }
            | Operation::Look => {}
        }
        Some(resolved)
    }

    /// Carries out a resolved operation: what a transport must answer.
    pub(super) fn apply(&mut self, operation: &Operation) -> Answer {
        self.expire();
        self.let_time_pass(operation);
        let before = self.are_unquarantined();
        if matches!(operation, Operation::Cancel { .. } | Operation::Finish { .. } | Operation::Look) {
            self.has_unread_expiry = false; // these are played after the queues are read
        }
        let answer = match operation {
            Operation::Submit { queue, tasks } => {
                Answer::Submitted(tasks.iter().map(|task| self.submit(*queue, *task)).collect())
            }
            Operation::SubmitAgain { task } => Answer::Submitted(vec![self.submit_again(*task)]),
            Operation::Claim { slot, max } => Answer::Claimed(self.claim(self.slots[*slot], *max)),
            Operation::Finish { claim, end } => {
                let (claim, finished) = (self.claims[*claim], self.finish(self.claims[*claim], *end));
                if finished != Finished::Written {
                    self.known_lost.insert(claim);
                }
                Answer::Finished(finished)
            }
            Operation::Cancel { task, reason } => Answer::Cancelled(self.cancel(*task, *reason)),
            Operation::SetPaused { queue, paused } => {
                self.queues[*queue].is_paused = *paused;
                Answer::Done
            }
            Operation::Elapse(_) => Answer::Done,
            Operation::LoseLease { slot } => {
                self.lose_lease(self.slots[*slot]);
                Answer::Done
            }
            Operation::Renew { slot } => Answer::Lost(self.renew(self.slots[*slot])),
            Operation::ReportCrash { slot, running } => {
                Answer::Requeued(self.report_crash(self.slots[*slot], *running))
            }
            Operation::Replace { slot } => {
                self.detach(self.slots[*slot]);
                self.slots[*slot] = self.instances.len();
                self.instances.push(ModelInstance::new(Self::SLOTS[*slot]));
                Answer::Done
            }
            Operation::Look => Answer::Seen {
                queues: (0..Self::QUEUES).map(|queue| self.queue_view(queue)).collect(),
                tasks: self.tasks.iter().map(ModelTask::view).collect(),
            },
        };
        self.expire();
        self.note_quarantined(before);
        answer
    }

    /// Lets the time pass that an operation takes.
    fn let_time_pass(&mut self, operation: &Operation) {
        match operation {
            Operation::Elapse(time) => {
                self.renew_living(None);
                self.pass(*time);
            }
            Operation::LoseLease { slot } => {
                // Each wait is shorter than the lease of those that renew.
                self.renew_living(None);
                self.pass(self.lease_takes / 2);
                self.renew_living(Some(self.slots[*slot]));
                self.pass(self.lease_takes / 2);
            }
            _ => {}
        }
        self.expire();
    }

    /// All living instances renew, but one.
    fn renew_living(&mut self, but: Option<usize>) {
        for slot in 0..self.slots.len() {
            let instance = self.slots[slot];
            if self.lives(slot) && Some(instance) != but && !self.lease_takes.is_zero() {
                self.note_alive(instance);
            }
        }
    }

    /// Whether the instance of a slot is reserved for a quarantined task.
    pub(super) fn is_reserved(&self, slot: usize) -> bool {
        let reserved = self.queues[Self::SLOTS[slot]].quarantine.reserved;
        reserved.is_some_and(|reserved| reserved.instance == self.slots[slot])
    }

    /// Whether the instance of a slot lives.
    pub(super) fn lives(&self, slot: usize) -> bool {
        self.instances[self.slots[slot]].life == Life::Alive
    }

    /// Ends the tasks that wait and are too late to start. A transport does so at the latest when it next reads the queue.
    fn expire(&mut self) {
        for task in self.tasks.iter_mut().filter(|task| task.is_overdue(self.now)) {
            task.end_cancelled(CancelReason::Expired);
            self.has_unread_expiry = true;
        }
    }

    fn cancel(&mut self, task: usize, reason: CancelReason) -> Cancelled {
        let task = &mut self.tasks[task];
        match task.status {
            TaskStatus::Pending => {
                task.end_cancelled(reason);
                Cancelled::Removed
            }
            TaskStatus::Processing => {
                task.cancel.get_or_insert(reason);
                Cancelled::Requested
            }
            _ => Cancelled::AlreadyFinished,
        }
    }

    fn queue_view(&self, queue: usize) -> QueueView {
        let tasks = || self.tasks.iter().filter(|task| task.queue == queue);
        let living = || self.instances.iter().filter(|one| one.queue == queue && one.life == Life::Alive);
        let ready_of = |priority: Priority| {
            tasks().filter(|task| task.priority() == priority && task.is_ready(self.now)).count()
        };
        QueueView {
            ready: Priority::ALL.map(ready_of),
            delayed: tasks().filter(|task| task.is_delayed(self.now)).count(),
            quarantined: self.quarantined(queue).len(),
            claimed: living().map(|instance| instance.held.len()).sum(),
            instances: living().count() + 1,
            paused: self.queues[queue].is_paused,
        }
    }
}
