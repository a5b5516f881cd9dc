use rhai_dispatcher_core::Priority;

use super::answer::ClaimView;
use super::quarantining::Offer;
use super::queue_model::QueueModel;

impl QueueModel {
    /// Claims a group of quarantined tasks, or others by their weights.
    pub(super) fn claim(&mut self, instance: usize, max: usize) -> Vec<ClaimView> {
        let mut claimed = match self.offer(instance) {
            Offer::Group { size, is_alone } => self.start_group(instance, size.min(max), is_alone),
            Offer::Nothing => Vec::new(),
            Offer::Others => self.claim_others(instance, max),
        };
        claimed.sort_by_key(|claim| (self.tasks[claim.task].priority() as usize, claim.task));
        claimed
    }

    fn claim_others(&mut self, instance: usize, max: usize) -> Vec<ClaimView> {
        let queue = self.instances[instance].queue;
        let mut claimed = Vec::new();
        while claimed.len() < max {
            let weights = &self.queues[queue].weights;
            let Some(task) = weights
                .next(|priority| self.first_ready(queue, priority).is_some())
                .and_then(|priority| self.first_ready(queue, priority))
            else {
                break;
            };
            claimed.push(self.start(task, instance));
            self.queues[queue].weights.note_start();
        }
        claimed
    }

    fn first_ready(&self, queue: usize, priority: Priority) -> Option<usize> {
        self.tasks
            .iter()
            .position(|task| task.queue == queue && task.priority() == priority && task.is_ready(self.now))
    }

    pub(super) fn start(&mut self, task: usize, instance: usize) -> ClaimView {
        let claim = self.tasks[task].start(task, instance);
        self.instances[instance].hold(claim.id());
        if !self.claims.contains(&claim.id()) {
            self.claims.push(claim.id());
        }
        claim
    }
}
