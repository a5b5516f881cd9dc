use std::sync::Arc;

use super::PlayRequestBuilder;
use super::into_task::Prepared;
use crate::dispatcher::Dispatcher;
use crate::{Error, TaskId};

impl PlayRequestBuilder {
    /// Queues the task and returns its id at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] and [`Error::Script`] before anything is queued; [`Error::QueueFull`],
    /// [`Error::RequestIdConflict`], [`Error::Unavailable`].
    pub async fn submit(self) -> Result<TaskId, Error> {
        let dispatcher = self.dispatcher.clone();
        let task = match self.prepare()? {
            Prepared::Ready(task) => task,
            Prepared::Waits(prepared) => prepared.await?,
        };
        Ok(dispatcher.submit_task(task).await?.task_id())
    }
}

impl Dispatcher {
    /// Submits many requests at once; one answer for each, in their order. If one is invalid by itself, none is
    /// queued.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::Script`] for the first request that can't be accepted
    /// anywhere; [`Error::Unavailable`]. The answers have [`Error::QueueFull`] and
    /// [`Error::RequestIdConflict`].
    pub async fn submit_many(
        &self,
        requests: Vec<PlayRequestBuilder>,
    ) -> Result<Vec<Result<TaskId, Error>>, Error> {
        let mut tasks = Vec::with_capacity(requests.len());
        for request in requests {
            tasks.push(Arc::new(request.into_unchecked_task().await?));
        }
        self.check(tasks.iter().map(|task| &task.payload)).await?;
        let count = tasks.len();
        let answers = self.transport().submit(tasks).await.inspect_err(|_| self.metrics().failed(count))?;
        answers.iter().for_each(|answer| self.metrics().answered(answer));
        Ok(answers.into_iter().map(|answer| Ok(answer?.task_id())).collect())
    }
}
