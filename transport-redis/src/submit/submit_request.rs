use bytes::Bytes;
use rhai_dispatcher_core::{Priority, SubmitError, Submitted, Task, TaskId, WallTime, WorkerId};

use crate::batch::BatchRequest;
use crate::client::ClientError;
use crate::script::Packed;
use crate::wire::record;

/// One task on its way to its queue.
#[derive(Debug, Clone)]
pub(crate) struct SubmitRequest {
    pub(super) worker_id: WorkerId,
    pub(super) priority: Priority,
    pub(super) parent: Option<TaskId>,
    pub(super) packed: Bytes,
}

/// The bounds beyond which a submit is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubmitLimits {
    /// Tasks that wait in one queue.
    pub(crate) queue: usize,
    /// Tasks that one dispatches.
    pub(crate) children: usize,
}

/// The server's answer to one task.
#[derive(Debug)]
pub(crate) enum SubmitAnswer {
    /// At that time.
    New(WallTime),
    /// It had been accepted before.
    Before,
    Joined(TaskId),
    Refused(SubmitError),
    /// The key of its record has another type.
    Failed(String),
}

impl BatchRequest for SubmitRequest {
    type Group = WorkerId;

    fn group(&self) -> &WorkerId {
        &self.worker_id
    }

    fn bytes(&self) -> usize {
        self.packed.len()
    }

    /// A submit whose caller has gone is not sent: its caller was told of the timeout, and does not expect the task to
    /// run.
    fn ends_with_caller(&self) -> bool {
        true
    }
}

impl SubmitRequest {
    pub(crate) fn new(task: &Task, payload: &[u8], reply_to: Option<&Bytes>) -> Self {
        let mut packed = Packed::new();
        packed
            .head(task.id)
            .head(letter(task.priority))
            .head_millis(Some(task.delay))
            .head_millis(task.starts_within())
            .head_millis(task.deadline_in)
            .push(payload);
        record::push_submitted(&mut packed, task, reply_to);
        Self {
            worker_id: task.worker_id.clone(),
            priority: task.priority,
            parent: task.parent,
            packed: packed.into_bytes(),
        }
    }
}

impl SubmitAnswer {
    /// The answer to the submitter of the task `id`.
    pub(crate) fn answer(self, id: TaskId) -> Result<Result<Submitted, SubmitError>, ClientError> {
        Ok(match self {
            Self::New(_) | Self::Before => Ok(Submitted::Accepted(id)),
            Self::Joined(first) => Ok(Submitted::Joined(first)),
            Self::Refused(error) => Err(error),
            Self::Failed(problem) => return Err(ClientError::of_server(&problem)),
        })
    }
}

/// The letter of a priority in scripts.
pub(super) const fn letter(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "h",
        Priority::Normal => "n",
        Priority::Low => "l",
    }
}
