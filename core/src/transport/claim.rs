use crate::{InstanceId, RunId, TaskId};

/// The right to finish one delivery of a task: the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The task.
    pub task: TaskId,
    /// Who has it.
    pub instance: InstanceId,
    /// Start count, 1-based.
    pub delivery: u32,
}

impl Claim {
    /// The run that it is for.
    #[must_use]
    pub const fn run(&self) -> RunId {
        RunId { instance: self.instance, delivery: self.delivery }
    }
}
