use async_trait::async_trait;

use super::{Cancelled, Submitted, Transport};
use crate::{CancelReason, Error, Task, TaskDetails, TaskId};

/// The primitives of a [`Transport`], for one task at a time.
#[async_trait]
pub trait TransportExt: Transport {
    /// Accepts one task.
    ///
    /// # Errors
    /// See [`Transport::submit`].
    async fn submit_one(&self, task: Task) -> Result<Submitted, Error> {
        let answer = self.submit(vec![task]).await?.pop();
        Ok(answer.ok_or_else(|| Error::internal("a submit of one task was not answered"))??)
    }

    /// The record of one task.
    ///
    /// # Errors
    /// [`Error::NotFound`], and those of [`Transport::details`].
    async fn details_of(&self, id: TaskId) -> Result<TaskDetails, Error> {
        self.details(&[id]).await?.pop().flatten().ok_or(Error::NotFound(id))
    }

    /// Cancels one task.
    ///
    /// # Errors
    /// See [`Transport::cancel`].
    async fn cancel_one(&self, id: TaskId, why: CancelReason) -> Result<Cancelled, Error> {
        let answer = self.cancel(&[id], why).await?.pop();
        answer.ok_or_else(|| Error::internal("a cancel of one task was not answered"))
    }
}

impl<T: Transport + ?Sized> TransportExt for T {}
