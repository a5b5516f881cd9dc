use rhai_dispatcher_core::{CancelReason, Finished, TaskErrorKind, TaskStatus};

use super::answer::ClaimId;
use super::operation::End;
use super::queue_model::QueueModel;

impl QueueModel {
    pub(super) fn finish(&mut self, claim: ClaimId, end: End) -> Finished {
        let now = self.now;
        let task = &mut self.tasks[claim.task];
        let is_its = task.instance == Some(claim.instance) && task.delivery == claim.delivery;
        match task.status {
            TaskStatus::Processing if is_its => {}
            status if is_its && status.is_terminal() => return Finished::AlreadyTerminal(status),
            _ => return Finished::Fenced,
        }
        let mut fails = false;
        match end {
            End::Complete => task.complete(),
            End::Fail => task.fail(TaskErrorKind::Runtime),
            End::Cancel => task.end_cancelled(CancelReason::Asked),
            End::RetryIn(delay) => {
                task.wait_again(now + delay, |task| task.count_attempt(TaskErrorKind::Runtime));
            }
            End::Release => task.wait_again(now, |task| task.undo_start()),
            End::Requeue => task.wait_again(now, |_| {}),
            End::Abandon => {
                fails = task.cancel.is_none();
                let max_deliveries = self.config.max_deliveries;
                task.wait_again(now, |task| {
                    task.count_death(true, max_deliveries);
                });
            }
        }
        self.instances[claim.instance].release(claim);
        if fails {
            self.fail_observation(claim.instance);
        }
        self.note_free(claim.instance);
        Finished::Written
    }
}
