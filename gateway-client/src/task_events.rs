use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use rhai_dispatcher_core::{TaskEvent, TaskId};

use crate::client_core::ClientCore;
use crate::error::ClientError;
use crate::events::Subscription;
use crate::link::AnyLink;

/// The events of a task: a [`Stream`] that ends after [`Ended`](TaskEvent::Ended), or after an error.
///
/// It continues over the next connection when one is lost. Its reader is told what happened meanwhile, and nothing twice; if
/// it reads slowly, or lines were lost elsewhere, it is told how many. Dropping it ends the subscription.
pub struct TaskEvents {
    core: Arc<ClientCore>,
    subscription: Arc<Subscription>,
}

impl TaskEvents {
    pub(crate) const fn new(core: Arc<ClientCore>, subscription: Arc<Subscription>) -> Self {
        Self { core, subscription }
    }

    /// The task.
    #[must_use]
    pub fn task_id(&self) -> TaskId {
        self.subscription.task_id
    }
}

impl Stream for TaskEvents {
    type Item = Result<TaskEvent, ClientError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.subscription.poll_next(context)
    }
}

impl Drop for TaskEvents {
    fn drop(&mut self) {
        if let AnyLink::Socket(socket) = &self.core.link {
            socket.leave(&self.subscription);
        }
    }
}

impl fmt::Debug for TaskEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskEvents").field("task_id", &self.task_id()).finish_non_exhaustive()
    }
}
