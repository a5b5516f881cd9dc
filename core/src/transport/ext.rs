use std::future::Future;
use std::sync::Arc;

use super::{Cancelled, Submitted, Transport};
use crate::{CancelReason, Error, Task, TaskDetails, TaskId};

/// The primitives of a [`Transport`], for one task at a time, without a box of their own.
pub trait TransportExt: Transport {
    /// Accepts one task.
    ///
    /// # Errors
    /// See [`Transport::submit`].
    fn submit_one(
        &self,
        task: impl Into<Arc<Task>>,
    ) -> impl Future<Output = Result<Submitted, Error>> + Send {
        let answers = self.submit(vec![task.into()]);
        async {
            let answer = answers.await?.pop();
            Ok(answer.ok_or_else(|| Error::internal("a submit of one task was not answered"))??)
        }
    }

    /// The record of one task.
    ///
    /// # Errors
    /// [`Error::NotFound`], and those of [`Transport::details`].
    fn details_of(&self, id: TaskId) -> impl Future<Output = Result<TaskDetails, Error>> + Send {
        async move { self.details(&[id]).await?.pop().flatten().ok_or(Error::NotFound(id)) }
    }

    /// Cancels one task.
    ///
    /// # Errors
    /// See [`Transport::cancel`].
    fn cancel_one(
        &self,
        id: TaskId,
        why: CancelReason,
    ) -> impl Future<Output = Result<Cancelled, Error>> + Send {
        async move {
            let answer = self.cancel(&[id], why).await?.pop();
            answer.ok_or_else(|| Error::internal("a cancel of one task was not answered"))
        }
    }
}

impl<T: Transport + ?Sized> TransportExt for T {}
