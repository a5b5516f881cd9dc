use std::fmt;

use rhai_dispatcher_core::{
    CancelReason, Cancelled, Finished, Priority, Requeued, TaskErrorKind, TaskStatus,
};

/// What an operation leads to, with tasks and instances as numbers. Its `Debug` text is what a failure prints.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Submitted(Vec<SubmitAnswer>),
    /// By priority and place: the order of different priorities within one claim is not promised.
    Claimed(Vec<ClaimView>),
    Finished(Finished),
    Cancelled(Cancelled),
    /// The claims that a renewal has reported as lost, but those that the instance knows of.
    Lost(Vec<ClaimId>),
    Requeued(Requeued),
    Seen {
        queues: Vec<QueueView>,
        tasks: Vec<TaskView>,
    },
}

/// The answer to one submitted task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SubmitAnswer {
    Accepted(usize),
    Joined(usize),
    Conflict(usize),
    Full,
}

/// A claim by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClaimId {
    pub(super) task: usize,
    pub(super) instance: usize,
    pub(super) delivery: u32,
}

/// A claim, and what its instance is told beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClaimView {
    pub(super) task: usize,
    pub(super) instance: usize,
    pub(super) delivery: u32,
    pub(super) attempt: u32,
    pub(super) deaths: u32,
}

/// The record of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaskView {
    pub(super) status: TaskStatus,
    pub(super) delivery: u32,
    pub(super) attempt: u32,
    pub(super) deaths: u32,
    pub(super) instance: Option<usize>,
    pub(super) cancel_reason: Option<CancelReason>,
    pub(super) error: Option<TaskErrorKind>,
}

/// The numbers of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueueView {
    pub(super) ready: [usize; Priority::ALL.len()],
    pub(super) delayed: usize,
    pub(super) quarantined: usize,
    pub(super) claimed: usize,
    pub(super) instances: usize,
    pub(super) paused: bool,
}

impl ClaimView {
    pub(super) fn id(&self) -> ClaimId {
        ClaimId { task: self.task, instance: self.instance, delivery: self.delivery }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Submitted(answers) => write!(f, "{answers:?}"),
            Self::Claimed(claims) => {
                let mut list = f.debug_list();
                for ClaimView { task, delivery, attempt, deaths, .. } in claims {
                    let text =
                        format!("task {task}, delivery {delivery}, attempt {attempt}, deaths {deaths}");
                    list.entry(&format_args!("{text}"));
                }
                list.finish()
            }
            Self::Finished(finished) => write!(f, "{finished:?}"),
            Self::Cancelled(cancelled) => write!(f, "{cancelled:?}"),
            Self::Lost(claims) => write!(f, "lost {claims:?}"),
            Self::Requeued(requeued) => write!(f, "{requeued:?}"),
            Self::Seen { queues, tasks } => {
                for (number, queue) in queues.iter().enumerate() {
                    write!(f, "\n        queue {number}: {queue:?}")?;
                }
                for (number, task) in tasks.iter().enumerate() {
                    write!(f, "\n        task {number}: {task:?}")?;
                }
                Ok(())
            }
        }
    }
}
