use std::sync::Arc;

use rhai_dispatcher_core::{
    Claim, Claimed, InstanceId, QueueInfo, SubmitError, Submitted, Task, TaskDetails, TaskId,
};

use super::answer::{ClaimId, ClaimView, QueueView, SubmitAnswer, TaskView};

/// Which tasks and instances of a transport the model's numbers stand for, and the transport's answers in these numbers.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// The accepted tasks, in the order of acceptance.
    tasks: Vec<Arc<Task>>,
    instances: Vec<InstanceId>,
}

impl Numbering {
    /// Gives the next number to an instance.
    pub(super) fn add_instance(&mut self, id: InstanceId) {
        self.instances.push(id);
    }

    pub(super) fn task(&self, number: usize) -> &Arc<Task> {
        &self.tasks[number]
    }

    pub(super) fn instance(&self, number: usize) -> InstanceId {
        self.instances[number]
    }

    /// The ids of all tasks, in the order of their numbers.
    pub(super) fn task_ids(&self) -> Vec<TaskId> {
        self.tasks.iter().map(|task| task.id).collect()
    }

    pub(super) fn claim(&self, claim: ClaimId) -> Claim {
        Claim {
            task: self.tasks[claim.task].id,
            instance: self.instances[claim.instance],
            delivery: claim.delivery,
        }
    }

    pub(super) fn claim_id(&self, claim: Claim) -> ClaimId {
        ClaimId {
            task: self.task_number(claim.task),
            instance: self.instance_number(claim.instance),
            delivery: claim.delivery,
        }
    }

    /// The answer to the submit of `task`, which gets the next number if it is new.
    ///
    /// # Panics
    /// If it is accepted under another id, or refused for a reason that the model does not have.
    pub(super) fn submitted(
        &mut self,
        answer: Result<Submitted, SubmitError>,
        task: Arc<Task>,
    ) -> SubmitAnswer {
        match answer {
            Ok(Submitted::Accepted(id)) => {
                assert_eq!(id, task.id, "it is accepted under its own id");
                if self.tasks.iter().all(|other| other.id != id) {
                    self.tasks.push(task);
                }
                SubmitAnswer::Accepted(self.task_number(id))
            }
            Ok(Submitted::Joined(first)) => SubmitAnswer::Joined(self.task_number(first)),
            Err(SubmitError::RequestIdConflict(first)) => SubmitAnswer::Conflict(self.task_number(first)),
            Err(SubmitError::QueueFull { .. }) => SubmitAnswer::Full,
            Err(error) => panic!("a submit failed: {error}"),
        }
    }

    pub(super) fn claimed(&self, claimed: &Claimed) -> ClaimView {
        let ClaimId { task, instance, delivery } = self.claim_id(claimed.claim);
        ClaimView { task, instance, delivery, attempt: claimed.attempt, deaths: claimed.deaths }
    }

    pub(super) fn record(&self, details: TaskDetails) -> TaskView {
        TaskView {
            status: details.status,
            delivery: details.delivery,
            attempt: details.attempt,
            deaths: details.deaths,
            instance: details.instance.map(|instance| self.instance_number(instance)),
            cancel_reason: details.cancel_reason,
            error: details.error.map(|error| error.kind),
        }
    }

    fn task_number(&self, id: TaskId) -> usize {
        self.tasks.iter().position(|task| task.id == id).expect("an accepted task")
    }

    fn instance_number(&self, id: InstanceId) -> usize {
        self.instances.iter().position(|instance| *instance == id).expect("an instance of a slot")
    }
}

impl From<QueueInfo> for QueueView {
    fn from(queue: QueueInfo) -> Self {
        Self {
            ready: queue.ready,
            delayed: queue.delayed,
            quarantined: queue.quarantined,
            claimed: queue.claimed,
            instances: queue.instances,
            paused: queue.paused,
        }
    }
}
