use std::sync::Arc;

use rhai_dispatcher_core::{Clock, Json, MethodName, Run, Task, Tick};

use super::handoff::Handoff;

/// One call of a method, as its handler and the layers around it get it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MethodCall {
    /// The method.
    pub method: MethodName,
    /// The parameters: an object has them by name, an array by position, null is none, any other value is the only one.
    pub params: Json,
    /// The task: its id, caller, context, priority and worker id.
    pub task: Arc<Task>,
    /// Start count, 1-based: above 1 if an earlier run may have done a part of the work.
    pub delivery: u32,
    /// When the call has to be over, by `clock`. It is dropped then.
    pub deadline: Option<Tick>,
    /// The transport's clock.
    pub clock: Arc<dyn Clock>,
    /// Where the layers of a script's method pass the call on.
    pub(super) handoff: Option<Handoff>,
}

impl MethodCall {
    pub(crate) fn of(method: &MethodName, run: &Run) -> Self {
        Self {
            method: method.clone(),
            params: run.claimed.task.args.clone(),
            task: Arc::clone(&run.claimed.task),
            delivery: run.claimed.claim.delivery,
            deadline: run.deadline,
            clock: Arc::clone(&run.clock),
            handoff: None,
        }
    }

    /// The call of a script's method, which the layers pass on by `handoff`.
    pub(crate) fn with_handoff(mut self, handoff: &Handoff) -> Self {
        self.handoff = Some(handoff.clone());
        self
    }
}
