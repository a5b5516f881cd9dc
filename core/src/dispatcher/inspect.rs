use std::pin::pin;
use std::time::Duration;

use futures::future::{self, Either};

use super::Dispatcher;
use crate::{Error, InspectError, RunState, TaskId, TaskStatus};

/// The pause before a task is asked for again that was just beginning or ending.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// How long the status of a task without an answer may delay the error.
const STATUS_WAIT: Duration = Duration::from_millis(100);

impl Dispatcher {
    /// Asks where a running task of any dispatcher is: what it does and since when, the place in its script, operations and
    /// memory. The instance that runs it answers, also while its lanes are busy.
    ///
    /// # Errors
    /// [`Error::NotRunning`], with the status; [`Error::NotFound`]; [`Error::NoAnswer`] after
    /// [`inspect_timeout`](crate::DispatcherConfig::inspect_timeout) (1 s); [`Error::Unavailable`].
    ///
    /// # Cancellation
    /// Dropping the future ends the question and changes nothing for the task.
    pub async fn inspect(&self, id: TaskId) -> Result<RunState, Error> {
        let (clock, timeout) = (self.clock(), self.config().inspect_timeout);
        let timed_out = clock.sleep_until(clock.now() + timeout);
        match future::select(pin!(self.inspect_until_answered(id)), timed_out).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(self.unanswered(id, timeout).await),
        }
    }

    async fn inspect_until_answered(&self, id: TaskId) -> Result<RunState, Error> {
        loop {
            match self.transport().inspect(id).await {
                Ok(state) => return Ok(state),
                Err(InspectError::Changing(_)) => {
                    self.clock().sleep_until(self.clock().now() + AGAIN_AFTER).await;
                }
                Err(InspectError::NotFound(_)) => return Err(Error::NotFound(id)),
                Err(InspectError::NotRunning { status, .. }) => {
                    return Err(Error::NotRunning { task_id: id, status });
                }
                Err(InspectError::Transport(error)) => return Err(error.into()),
            }
        }
    }

    /// The error of a question without an answer: the task may have ended with its instance.
    async fn unanswered(&self, task_id: TaskId, timeout: Duration) -> Error {
        let latest = self.clock().sleep_until(self.clock().now() + STATUS_WAIT);
        match future::select(pin!(self.status(task_id)), latest).await {
            Either::Left((Ok(details), _)) if details.status != TaskStatus::Processing => {
                Error::NotRunning { task_id, status: details.status }
            }
            _ => Error::NoAnswer { task_id, timeout },
        }
    }
}
