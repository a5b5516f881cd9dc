use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use rhai_dispatcher_core::{Invalid, SubmitError, Submitted, Task, TaskId};

use super::child_notes::{ChildNote, ChildNotes};
use super::submit_request::{SubmitAnswer, SubmitRequest};
use crate::batch::Batcher;
use crate::client::ClientError;
use crate::crash_points::crash_point;
use crate::slot::Slot;
use crate::wait::Waits;
use crate::wire;

/// Submits the tasks of one handle, in batches, and registers those whose outcome is awaited.
#[derive(Debug)]
pub(crate) struct Submitter {
    pub(crate) batcher: Batcher<SubmitRequest, SubmitAnswer>,
    pub(crate) children: ChildNotes,
    /// How many children a task may have.
    pub(crate) max_children: usize,
    pub(crate) waits: Arc<Waits>,
    /// The inbox to which outcomes are sent.
    pub(crate) inbox_id: Bytes,
    /// The largest encoded task, in bytes.
    pub(crate) max_task_bytes: usize,
    /// How many awaited tasks are remembered at most.
    pub(crate) awaited_limit: usize,
    /// In a cluster what the keys begin with: a task has to be in the slot of its worker id there.
    pub(crate) cluster_prefix: Option<String>,
}

impl Submitter {
    /// Submits tasks; each has its own answer.
    pub(crate) async fn submit(
        &self,
        tasks: &[Arc<Task>],
    ) -> Result<Vec<Result<Submitted, SubmitError>>, ClientError> {
        let begun: Vec<_> = tasks.iter().map(|task| self.begin(task)).collect();
        let answers = begun.into_iter().zip(tasks).map(async |(begun, task)| {
            let begun = match begun {
                Ok(begun) => begun,
                Err(refused) => return Ok(Err(refused)),
            };
            let unanswered = Unanswered { waits: &self.waits, id: task.id };
            let answer = match begun {
                Begun::Sent(answer) => answer.await,
                Begun::Child(parent, request) => self.submit_child(task, parent, request).await,
            };
            std::mem::forget(unanswered);
            self.accept(task, answer)
        });
        // All of them, also after one has failed: each task has to be accounted for.
        let answers = join_all(answers).await;
        answers.into_iter().collect()
    }

    /// Encodes a task and sends it, unless it has a parent; the answer comes later.
    fn begin(
        &self,
        task: &Arc<Task>,
    ) -> Result<Begun<impl Future<Output = Result<SubmitAnswer, ClientError>> + Send + use<>>, SubmitError>
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
        if let Some(prefix) = &self.cluster_prefix
            && Slot::of(prefix, task.id) != Slot::of(prefix, &task.worker_id)
        {
            return Err(SubmitError::Invalid(Invalid::new(
                "id",
                "is in another slot of the cluster than the worker id",
                "leave it out, or make it with new_task_id of the transport",
            )));
        }
        let sent = task.awaited && self.waits.expect(task, self.awaited_limit);
        let request = SubmitRequest::new(task, &payload, sent.then_some(&self.inbox_id));
        Ok(match task.parent {
            None => Begun::Sent(self.batcher.ask(request)),
            Some(parent) => Begun::Child(parent, request),
        })
    }

    /// Submits a task that another has dispatched. It is noted there first: whatever happens in between, a child that is not
    /// noted does not exist.
    async fn submit_child(
        &self,
        task: &Task,
        parent: TaskId,
        request: SubmitRequest,
    ) -> Result<SubmitAnswer, ClientError> {
        let too_many = || SubmitError::TooManyChildren { parent, limit: self.max_children };
        let answer = match self.children.note(parent, task.id).await? {
            ChildNote::Written => {
                crash_point("child.noted");
                self.batcher.ask(request).await?
            }
            ChildNote::ParentCancelled => SubmitAnswer::ParentCancelled,
            // A parent that runs again joins what it has dispatched before, also if that was all that it may.
            ChildNote::TooMany if task.request_id.is_some() => {
                self.batcher.ask(request.that_only_joins()).await?
            }
            ChildNote::TooMany => SubmitAnswer::JoinsNone,
        };
        match answer {
            SubmitAnswer::New(_) | SubmitAnswer::Before | SubmitAnswer::ParentCancelled => {}
            SubmitAnswer::JoinsNone => return Ok(SubmitAnswer::Refused(too_many())),
            SubmitAnswer::Joined(first) => {
                self.children.strike(parent, task.id).await;
                return Ok(match self.children.note(parent, first).await? {
                    ChildNote::Written => answer,
                    ChildNote::ParentCancelled => SubmitAnswer::ParentCancelled,
                    ChildNote::TooMany => SubmitAnswer::Refused(too_many()),
                });
            }
            SubmitAnswer::Refused(_) | SubmitAnswer::Failed(_) => self.children.strike(parent, task.id).await,
        }
        Ok(answer)
    }

    fn accept(
        &self,
        task: &Task,
        answer: Result<SubmitAnswer, ClientError>,
    ) -> Result<Result<Submitted, SubmitError>, ClientError> {
        match &answer {
            Ok(SubmitAnswer::New(now)) => self.waits.accepted(task.id, *now),
            _ => self.waits.unexpected(task.id),
        }
        Ok(match answer? {
            SubmitAnswer::New(_) | SubmitAnswer::Before => Ok(Submitted::Accepted(task.id)),
            SubmitAnswer::Joined(first) => Ok(Submitted::Joined(first)),
            SubmitAnswer::Refused(error) => Err(error),
            SubmitAnswer::ParentCancelled => {
                let parent = task.parent.ok_or(ClientError::Unexpected("a submit"))?;
                Err(SubmitError::ParentCancelled(parent))
            }
            SubmitAnswer::JoinsNone => return Err(ClientError::Unexpected("a submit")),
            SubmitAnswer::Failed(problem) => return Err(ClientError::of_server(&problem)),
        })
    }
}

/// A submit that has begun.
enum Begun<F> {
    /// It was sent; this is the answer.
    Sent(F),
    /// It goes once it is noted in the record of its parent.
    Child(TaskId, SubmitRequest),
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
