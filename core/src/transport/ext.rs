use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use super::{Cancelled, OutcomeError, SubmitOneError, Submitted, Transport, TransportError};
use crate::{CancelReason, Task, TaskDetails, TaskId};

/// The calls of a [`Transport`] for one task at a time.
pub trait TransportExt: Transport {
    /// Submits one task.
    ///
    /// # Errors
    /// See [`Transport::submit`].
    fn submit_one(
        &self,
        task: impl Into<Arc<Task>>,
    ) -> impl Future<Output = Result<Submitted, SubmitOneError>> + Send {
        let answers = self.submit(vec![task.into()]);
        async {
            let answer = answers.await?.pop();
            Ok(answer.ok_or_else(|| unanswered("a submit of one task was not answered"))??)
        }
    }

    /// Reads the record of one task.
    ///
    /// # Errors
    /// [`OutcomeError::NotFound`], and those of [`Transport::details`].
    fn details_of(&self, id: TaskId) -> impl Future<Output = Result<TaskDetails, OutcomeError>> + Send {
        async move { self.details(&[id]).await?.pop().flatten().ok_or(OutcomeError::NotFound(id)) }
    }

    /// Cancels one task.
    ///
    /// # Errors
    /// See [`Transport::cancel`].
    fn cancel_one(
        &self,
        id: TaskId,
        why: CancelReason,
    ) -> impl Future<Output = Result<Cancelled, TransportError>> + Send {
        async move {
            let answer = self.cancel(&[id], why).await?.pop();
            answer.ok_or_else(|| unanswered("a cancel of one task was not answered"))
        }
    }
}

impl<T: Transport + ?Sized> TransportExt for T {}

/// A broken promise of a transport.
fn unanswered(message: &'static str) -> TransportError {
    TransportError::Protocol(Arc::from(Box::<dyn StdError + Send + Sync>::from(message)))
}
