use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use rhai_dispatcher_core::{OutcomeError, TaskDetails, TaskId, TransportError};

use super::waits::{Wait, Waits};
use crate::client::ClientError;
use crate::handle::Handle;

/// A wait for an outcome, which ends with it.
pub(crate) struct OutcomeFuture {
    receiver: futures::channel::oneshot::Receiver<Result<Box<TaskDetails>, OutcomeError>>,
    id: TaskId,
    /// 0 once there is nothing to end.
    number: u64,
    waits: Arc<Waits>,
    /// A wait keeps the connection.
    _handle: Arc<Handle>,
}

impl OutcomeFuture {
    /// Registers a wait.
    pub(crate) fn new(id: TaskId, waits: &Arc<Waits>, handle: Arc<Handle>) -> Self {
        let Wait { receiver, number } = waits.wait(id);
        Self { receiver, id, number, waits: Arc::clone(waits), _handle: handle }
    }
}

impl Future for OutcomeFuture {
    type Output = Result<Box<TaskDetails>, OutcomeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = std::task::ready!(self.receiver.poll_unpin(cx));
        self.number = 0;
        Poll::Ready(answer.unwrap_or_else(|_| {
            Err(TransportError::from(ClientError::Lost("the transport has ended".into())).into())
        }))
    }
}

impl Drop for OutcomeFuture {
    fn drop(&mut self) {
        if self.number > 0 {
            self.waits.forget(self.id, self.number);
        }
    }
}
