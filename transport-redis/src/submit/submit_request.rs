use bytes::Bytes;
use rhai_dispatcher_core::{Priority, SubmitError, Task, TaskId, WallTime, WorkerId};

use crate::batch::BatchRequest;
use crate::script::Packed;
use crate::wire::record;

/// One task on its way to its queue.
#[derive(Debug, Clone)]
pub(crate) struct SubmitRequest {
    pub(super) group: SubmitGroup,
    pub(super) priority: Priority,
    pub(super) packed: Bytes,
}

/// What tasks that are submitted together have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SubmitGroup {
    pub(super) worker_id: WorkerId,
    /// Whether they may only join others that were accepted before.
    pub(super) only_join: bool,
}

/// The server's answer to one task.
#[derive(Debug)]
pub(crate) enum SubmitAnswer {
    /// At that time.
    New(WallTime),
    /// It had been accepted before.
    Before,
    Joined(TaskId),
    /// Its parent was cancelled after it was noted there.
    ParentCancelled,
    /// It could only have joined another, and there is none.
    JoinsNone,
    Refused(SubmitError),
    /// The key of its record has another type.
    Failed(String),
}

impl BatchRequest for SubmitRequest {
    type Group = SubmitGroup;

    fn group(&self) -> &SubmitGroup {
        &self.group
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
            group: SubmitGroup { worker_id: task.worker_id.clone(), only_join: false },
            priority: task.priority,
            packed: packed.into_bytes(),
        }
    }

    /// The same, of a task that is not accepted unless it joins another.
    pub(super) fn that_only_joins(mut self) -> Self {
        self.group.only_join = true;
        self
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
