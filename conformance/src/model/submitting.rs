use super::answer::SubmitAnswer;
use super::model_task::ModelTask;
use super::operation::TaskSpec;
use super::queue_model::QueueModel;

impl QueueModel {
    pub(super) fn submit(&mut self, queue: usize, spec: TaskSpec) -> SubmitAnswer {
        if let Some(first) = spec.request.and_then(|request| self.queues[queue].requests.get(&request)) {
            return match self.tasks[*first].spec.script == spec.script {
                true => SubmitAnswer::Joined(*first),
                false => SubmitAnswer::Conflict(*first),
            };
        }
        let waiting = self.tasks.iter().filter(|task| task.queue == queue && task.is_pending()).count();
        if waiting >= self.config.queue_limit {
            return SubmitAnswer::Full;
        }
        let number = self.tasks.len();
        self.tasks.push(ModelTask::new(queue, spec, self.now));
        if let Some(request) = spec.request {
            self.queues[queue].requests.insert(request, number);
        }
        SubmitAnswer::Accepted(number)
    }

    /// What was accepted is accepted again, whatever has become of it.
    #[expect(clippy::unused_self, reason = "it is one of the operations")]
    pub(super) fn submit_again(&self, task: usize) -> SubmitAnswer {
        SubmitAnswer::Accepted(task)
    }
}
