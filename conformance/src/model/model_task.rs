use std::time::Duration;

use rhai_dispatcher_core::{CancelReason, Priority, TaskErrorKind, TaskStatus};

use super::answer::{ClaimView, TaskView};
use super::operation::TaskSpec;

/// One accepted task. Its number is its place among all, in the order of acceptance.
#[derive(Debug, Clone)]
pub(super) struct ModelTask {
    pub(super) queue: usize,
    pub(super) spec: TaskSpec,
    pub(super) status: TaskStatus,
    /// From when on it may start.
    due: Duration,
    /// From when on it does not start any more.
    latest_start: Option<Duration>,
    pub(super) delivery: u32,
    pub(super) attempt: u32,
    pub(super) deaths: u32,
    pub(super) blamed: u32,
    /// Whether it had been blamed when it was last quarantined, or was a group by itself whose instance has died: then it
    /// waits behind the others.
    pub(super) waits_behind: bool,
    /// The instance of its last start.
    pub(super) instance: Option<usize>,
    /// Why it is to be stopped, once that was asked for while it ran.
    pub(super) cancel: Option<CancelReason>,
    cancel_reason: Option<CancelReason>,
    error: Option<TaskErrorKind>,
}

/// A death that a task has counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Death {
    is_blamed: bool,
    /// The attempt of the task then: a retry begins the counts anew.
    attempt: u32,
}

impl ModelTask {
    /// So many deaths quarantine a task, or blame for one.
    const QUARANTINED_DEATHS: u32 = 2;

    pub(super) fn new(queue: usize, spec: TaskSpec, now: Duration) -> Self {
        Self {
            queue,
            spec,
            status: TaskStatus::Pending,
            due: now + spec.delay,
            latest_start: spec.expires_in.map(|time| now + time),
            delivery: 0,
            attempt: 0,
            deaths: 0,
            blamed: 0,
            waits_behind: false,
            instance: None,
            cancel: None,
            cancel_reason: None,
            error: None,
        }
    }

    pub(super) fn priority(&self) -> Priority {
        self.spec.priority
    }

    pub(super) fn is_pending(&self) -> bool {
        self.status == TaskStatus::Pending
    }

    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        self.is_pending() && self.latest_start.is_some_and(|at| at <= now)
    }

    pub(super) fn is_delayed(&self, now: Duration) -> bool {
        self.is_pending() && self.due > now
    }

    pub(super) fn is_quarantined(&self) -> bool {
        self.deaths >= Self::QUARANTINED_DEATHS || self.blamed > 0
    }

    /// Whether it may start as soon as the weights allow.
    pub(super) fn is_ready(&self, now: Duration) -> bool {
        self.is_pending() && self.due <= now && !self.is_quarantined()
    }

    pub(super) fn start(&mut self, task: usize, instance: usize) -> ClaimView {
        self.status = TaskStatus::Processing;
        self.delivery += 1;
        self.instance = Some(instance);
        ClaimView { task, instance, delivery: self.delivery, attempt: self.attempt, deaths: self.deaths }
    }

    pub(super) fn complete(&mut self) {
        (self.status, self.error) = (TaskStatus::Completed, None);
    }

    pub(super) fn fail(&mut self, kind: TaskErrorKind) {
        (self.status, self.error) = (TaskStatus::Error, Some(kind));
    }

    pub(super) fn end_cancelled(&mut self, reason: CancelReason) {
        (self.status, self.cancel_reason, self.error) = (TaskStatus::Cancelled, Some(reason), None);
    }

    /// Lets it wait again after its instance has ended it or is lost. A requested cancel is its outcome, and nothing else
    /// is counted then; `change` is what is counted otherwise.
    pub(super) fn wait_again(&mut self, due: Duration, change: impl FnOnce(&mut Self)) {
        if let Some(reason) = self.cancel {
            self.end_cancelled(reason);
            return;
        }
        (self.status, self.due) = (TaskStatus::Pending, due);
        change(self);
        self.waits_behind = self.blamed > 0;
    }

    /// Undoes its last start.
    pub(super) fn undo_start(&mut self) {
        self.delivery -= 1;
        self.instance = None;
    }

    /// Counts a try that ended in an error. It came back, so it did not kill.
    pub(super) fn count_attempt(&mut self, kind: TaskErrorKind) {
        self.attempt += 1;
        (self.deaths, self.blamed, self.error) = (0, 0, Some(kind));
    }

    /// Counts the death of its instance. Too much blame ends it.
    pub(super) fn count_death(&mut self, is_blamed: bool, max_deliveries: u32) -> Death {
        self.deaths += 1;
        self.blamed += u32::from(is_blamed);
        if self.blamed >= max_deliveries {
            self.fail(TaskErrorKind::Crashed);
        }
        Death { is_blamed, attempt: self.attempt }
    }

    /// Takes a death back that was none.
    pub(super) fn take_back(&mut self, death: Death) {
        if !self.status.is_terminal() && self.attempt == death.attempt {
            self.deaths -= 1;
            self.blamed -= u32::from(death.is_blamed);
        }
    }

    pub(super) fn view(&self) -> TaskView {
        TaskView {
            status: self.status,
            delivery: self.delivery,
            attempt: self.attempt,
            deaths: self.deaths,
            instance: self.instance,
            cancel_reason: self.cancel_reason,
            error: self.error,
        }
    }
}
