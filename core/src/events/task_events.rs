use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::Stream;
use futures::future::BoxFuture;

use super::follower::Follower;
use super::{EventQueue, TaskEvent};
use crate::{OutcomeError, TaskDetails};

/// The events of one task, until its end: a stream, for one subscriber.
///
/// It ends after [`TaskEvent::Ended`], or after an error.
///
/// # Cancellation
/// No event is lost between two polls: dropping a future of its next item loses nothing. Dropping the stream ends the
/// subscription and changes nothing for the task.
#[must_use = "a stream does nothing until it is polled"]
pub struct TaskEvents {
    queue: Arc<EventQueue>,
    follower: Follower,
    /// None once it is there.
    outcome: Option<BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>>>,
}

impl TaskEvents {
    /// The events that a transport puts into `queue`, and then those of the outcome. What ends the subscription when it
    /// is dropped belongs into that future.
    pub fn new(
        queue: Arc<EventQueue>,
        outcome: BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>>,
    ) -> Self {
        Self { queue, follower: Follower::default(), outcome: Some(outcome) }
    }

    /// Takes what waits in the queue.
    fn drain(&mut self, cx: &Context<'_>) {
        while let Poll::Ready((run, event)) = self.queue.poll_pop(cx.waker()) {
            self.follower.take(run, event);
        }
    }
}

impl Stream for TaskEvents {
    type Item = Result<TaskEvent, OutcomeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(event) = this.follower.pop() {
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(outcome) = &mut this.outcome else { return Poll::Ready(None) };
        // First: what was told before the end is in the queue when the outcome is there.
        let outcome = outcome.poll_unpin(cx);
        this.drain(cx);
        match outcome {
            Poll::Pending => {}
            Poll::Ready(Ok(details)) => {
                this.outcome = None;
                this.follower.end(details);
            }
            Poll::Ready(Err(error)) => {
                this.outcome = None;
                return Poll::Ready(Some(Err(error)));
            }
        }
        match this.follower.pop() {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None => Poll::Pending,
        }
    }
}

impl fmt::Debug for TaskEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskEvents")
            .field("queue", &self.queue)
            .field("follower", &self.follower)
            .finish_non_exhaustive()
    }
}
