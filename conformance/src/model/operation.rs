use std::fmt;
use std::time::Duration;

use rhai_dispatcher_core::{CancelReason, Priority};

/// One step of a history.
///
/// A generated one names tasks and claims by any number, and instances by their slot; the model
/// [resolves](super::queue_model::QueueModel::resolve) that to what there is at its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Submit {
        queue: usize,
        tasks: Vec<TaskSpec>,
    },
    /// Submits a task again, as after an answer that was lost.
    SubmitAgain {
        task: usize,
    },
    Claim {
        slot: usize,
        max: usize,
    },
    Finish {
        claim: usize,
        end: End,
    },
    Cancel {
        task: usize,
        reason: CancelReason,
    },
    SetPaused {
        queue: usize,
        paused: bool,
    },
    /// Time passes, in which all living instances renew.
    Elapse(Duration),
    /// A lease passes in which an instance does not renew.
    LoseLease {
        slot: usize,
    },
    Renew {
        slot: usize,
    },
    /// An instance is reported as crashed; bit n of `running` names its n-th claim.
    ReportCrash {
        slot: usize,
        running: u8,
    },
    /// An instance detaches, and another one takes its slot.
    Replace {
        slot: usize,
    },
    /// Reads the queues and all records.
    Look,
}

/// What is submitted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskSpec {
    pub(super) priority: Priority,
    pub(super) delay: Duration,
    pub(super) expires_in: Option<Duration>,
    pub(super) request: Option<u8>,
    /// Which of two scripts it is.
    pub(super) script: u8,
}

/// How a claim ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    Fail,
    Cancel,
    RetryIn(Duration),
    Release,
    Requeue,
    Abandon,
}

impl fmt::Debug for TaskSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} task", self.priority.as_str())?;
        if !self.delay.is_zero() {
            write!(f, " delayed by {:?}", self.delay)?;
        }
        if let Some(time) = self.expires_in {
            write!(f, " that expires in {time:?}")?;
        }
        if let Some(request) = self.request {
            write!(f, " with request id {request} for script {}", self.script)?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submit { queue, tasks } => write!(f, "submit to queue {queue}: {tasks:?}"),
            Self::SubmitAgain { task } => write!(f, "submit task {task} again"),
            Self::Claim { slot, max } => write!(f, "slot {slot} claims up to {max}"),
            Self::Finish { claim, end } => write!(f, "finish claim {claim}: {end:?}"),
            Self::Cancel { task, reason } => write!(f, "cancel task {task}: {reason:?}"),
            Self::SetPaused { queue, paused: true } => write!(f, "pause queue {queue}"),
            Self::SetPaused { queue, paused: false } => write!(f, "resume queue {queue}"),
            Self::Elapse(time) => write!(f, "{time:?} pass"),
            Self::LoseLease { slot } => write!(f, "slot {slot} loses its lease"),
            Self::Renew { slot } => write!(f, "slot {slot} renews"),
            Self::ReportCrash { slot, running } => {
                write!(f, "the crash of slot {slot} is reported, with its claims {running:#b}")
            }
            Self::Replace { slot } => write!(f, "slot {slot} detaches, and another instance takes it"),
            Self::Look => f.write_str("look"),
        }
    }
}
