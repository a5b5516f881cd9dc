use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use rhai_dispatcher_core::{Invalid, SubmitError, Submitted, Task, TaskId};

use super::submit_request::{SubmitAnswer, SubmitRequest};
use crate::batch::Batcher;
use crate::client::ClientError;
use crate::wait::Waits;
use crate::wire;

/// Submits the tasks of one handle, in batches, and registers those whose outcome is awaited.
#[derive(Debug)]
pub(crate) struct Submitter {
    pub(crate) batcher: Batcher<SubmitRequest, SubmitAnswer>,
    pub(crate) waits: Arc<Waits>,
    /// The inbox to which outcomes are sent.
    pub(crate) inbox_id: Bytes,
    /// The largest encoded task, in bytes.
    pub(crate) max_task_bytes: usize,
    /// How many awaited tasks are remembered at most.
    pub(crate) awaited_limit: usize,
}

impl Submitter {
    /// Submits tasks; each has its own answer.
    pub(crate) async fn submit(
        &self,
        tasks: &[Arc<Task>],
    ) -> Result<Vec<Result<Submitted, SubmitError>>, ClientError> {
        let begun: Vec<_> = tasks.iter().map(|task| self.begin(task)).collect();
        let answers = begun.into_iter().map(async |begun| match begun {
            Ok((id, answer)) => {
                let unanswered = Unanswered { waits: &self.waits, id };
                let answer = answer.await;
                std::mem::forget(unanswered);
                self.accept(id, answer)
            }
            Err(refused) => Ok(Err(refused)),
        });
        // All of them, also after one has failed: each task has to be accounted for.
        let answers = join_all(answers).await;
        answers.into_iter().collect()
    }

    /// Encodes a task and sends it; the answer comes later.
    fn begin(
        &self,
        task: &Arc<Task>,
    ) -> Result<(TaskId, impl Future<Output = Result<SubmitAnswer, ClientError>> + Send + use<>), SubmitError>
    {
        let payload = wire::encode_task(task)?;
        let max = self.max_task_bytes;
        if payload.len() > max {
            return Err(SubmitError::Invalid(Invalid::new(
                "task",
                format!("takes {} bytes, more than the {max} of max_task_bytes", payload.len()),
                "send a smaller script or args",
            )));
        }
        let sent = task.awaited && self.waits.expect(task, self.awaited_limit);
        let submit = SubmitRequest::new(task, &payload, sent.then_some(&self.inbox_id));
        Ok((task.id, self.batcher.ask(submit)))
    }

    fn accept(
        &self,
        id: TaskId,
        answer: Result<SubmitAnswer, ClientError>,
    ) -> Result<Result<Submitted, SubmitError>, ClientError> {
        match &answer {
            Ok(SubmitAnswer::New(now)) => self.waits.accepted(id, *now),
            _ => self.waits.unexpected(id),
        }
        answer?.answer(id)
    }
}

/// A task whose submit was dropped before its answer. A wait for it reads the record, since this handle can't tell
/// whether the outcome will be sent.
struct Unanswered<'a> {
    waits: &'a Waits,
    id: TaskId,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.waits.unexpected(self.id);
    }
}
