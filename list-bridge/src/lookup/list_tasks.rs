use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use rhai_dispatcher_core::{
    CancelReason, Cancelled, OutcomeError, TaskDetails, TaskId, Transport, TransportError, TransportExt,
};
use rhai_dispatcher_redis::{ClientError, RedisCommands, RedisTransport};
use tokio::time::sleep;

use crate::bridge::ListBridgeConfig;
use crate::record::of_hash;
use crate::store::{CancelAsked, HashRead, Resolved, TaskStore};
use crate::{ListId, ListTaskDetails};

/// Finds the tasks that run what clients of the list protocol have submitted.
#[derive(Debug, Clone)]
pub struct ListTasks {
    tasks: TaskStore,
    commands: RedisCommands,
    transport: Arc<dyn Transport>,
}

/// What the id of a client stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The task that runs it.
    Task(Box<TaskDetails>),
    /// Its hash: no bridge has taken it yet, or it has ended without a task, or the record of its task is gone.
    Hash(Box<ListTaskDetails>),
}

/// The shortest and longest time between two reads of a hash that no bridge has taken yet.
const RECHECK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

impl ListTasks {
    /// Over the server of `transport`, with its prefix.
    #[must_use]
    pub fn new(transport: &RedisTransport) -> Self {
        let commands = transport.commands();
        let tasks = TaskStore::new(commands.clone(), ListBridgeConfig::new().field_limits());
        Self { tasks, commands, transport: Arc::new(transport.clone()) }
    }

    /// What an id stands for now; `None` if no hash of a client has it.
    ///
    /// # Errors
    /// [`TransportError`], as with [`Transport::details`].
    pub async fn find(&self, id: &ListId) -> Result<Option<Found>, TransportError> {
        match self.resolve(id).await? {
            Resolved::Other => Ok(None),
            Resolved::Hash => Ok(self.hash(id).await?.map(|hash| Found::Hash(Box::new(hash)))),
            Resolved::Runs(task) => {
                if let Some(details) = self.transport.details(&[task]).await?.pop().flatten() {
                    return Ok(Some(Found::Task(Box::new(details))));
                }
                Ok(self.hash(id).await?.map(|hash| Found::Hash(Box::new(hash))))
            }
        }
    }

    /// Waits until the task of an id has its outcome, or its hash has an outcome without a task; `None` if no hash of a
    /// client has it. While no bridge has taken the id, its hash is read again, at last once a second.
    ///
    /// # Errors
    /// [`OutcomeError`], as with [`Transport::outcome`].
    ///
    /// # Cancellation
    /// Dropping the future ends the wait and nothing else.
    pub async fn outcome(&self, id: &ListId) -> Result<Option<Found>, OutcomeError> {
        let mut pause = RECHECK.0;
        loop {
            match self.resolve(id).await? {
                Resolved::Other => return Ok(None),
                Resolved::Hash => {}
                Resolved::Runs(task) => match self.transport.outcome(task).await {
                    Ok(details) => return Ok(Some(Found::Task(details))),
                    // It is noted and not submitted yet, or its record is gone.
                    Err(OutcomeError::NotFound(_) | OutcomeError::Lost(_)) => {}
                    Err(error) => return Err(error),
                },
            }
            match self.hash(id).await? {
                Some(hash) if hash.status.is_terminal() => return Ok(Some(Found::Hash(Box::new(hash)))),
                Some(_) => {}
                None => return Ok(None),
            }
            self.run(async move {
                sleep(pause).await;
                Ok(())
            })
            .await?;
            pause = (pause * 2).min(RECHECK.1);
        }
    }

    /// Cancels what an id stands for: the task that runs it, or the id before a bridge submits it. Its client gets a reply
    /// with the status `error`.
    ///
    /// # Errors
    /// [`TransportError`], as with [`Transport::cancel`].
    pub async fn cancel(&self, id: &ListId, why: CancelReason) -> Result<Cancelled, TransportError> {
        let (tasks, asked) = (self.tasks.clone(), id.clone());
        match self.run(async move { tasks.ask_cancel(&asked).await }).await? {
            CancelAsked::Missing => Ok(Cancelled::NotFound),
            CancelAsked::Over => Ok(Cancelled::AlreadyFinished),
            CancelAsked::Asked(None) => Ok(Cancelled::Requested),
            CancelAsked::Asked(Some(task)) => match self.transport.cancel_one(task, why).await? {
                // The bridge that submits it finds the request.
                Cancelled::NotFound => Ok(Cancelled::Requested),
                cancelled => Ok(cancelled),
            },
        }
    }

    /// What an id stands for. The read begins with the call.
    pub(super) fn resolve(&self, id: &ListId) -> BoxFuture<'static, Result<Resolved, TransportError>> {
        let (tasks, id) = (self.tasks.clone(), id.clone());
        self.run(async move { tasks.resolve(&id).await }).boxed()
    }

    /// What each of the ids stands for. They are read together, a few hundred at a time.
    pub(super) async fn resolve_all(&self, ids: &[TaskId]) -> Result<Vec<Resolved>, TransportError> {
        /// Bounds what is under way at a time.
        const AT_ONCE: usize = 256;
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let (tasks, ids) = (self.tasks.clone(), ids.to_vec());
            let read = async move {
                let reads = ids.into_iter().map(|id| {
                    let tasks = &tasks;
                    async move { tasks.resolve(&ListId::from(id)).await }
                });
                try_join_all(reads).await
            };
            all.extend(self.run(read).await?);
        }
        Ok(all)
    }

    /// What the hash of a client says.
    pub(super) async fn hash(&self, id: &ListId) -> Result<Option<ListTaskDetails>, TransportError> {
        let (tasks, asked) = (self.tasks.clone(), id.clone());
        let read = self.run(async move { tasks.read(&asked, None).await }).await?;
        Ok(match read {
            HashRead::Hash(hash) => Some(hash.details(id)),
            HashRead::Missing | HashRead::WrongType(_) | HashRead::Record => None,
        })
    }

    /// The transport that runs the tasks.
    pub(super) fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    /// Runs `work` on the bridge, to its end also if the answer is dropped.
    pub(super) fn on_bridge<T: Send + 'static, F>(
        &self,
        work: F,
    ) -> impl Future<Output = Result<T, TransportError>> + Send + use<T, F>
    where
        F: Future<Output = Result<T, TransportError>> + Send + 'static,
    {
        let answer = self.commands.bridge().run(work);
        async move {
            let ended = || ClientError::Lost("the runtime of the transport has ended".into());
            answer.await.unwrap_or_else(|_| Err(ended().into()))
        }
    }

    fn run<T: Send + 'static, F>(
        &self,
        call: F,
    ) -> impl Future<Output = Result<T, TransportError>> + Send + use<T, F>
    where
        F: Future<Output = Result<T, ClientError>> + Send + 'static,
    {
        self.on_bridge(async move { Ok(call.await?) })
    }
}

impl Found {
    /// The same as the record of a task, for a client's id that has the form of a task's.
    pub(super) fn into_details(self, id: TaskId) -> TaskDetails {
        match self {
            Self::Task(details) => *details,
            Self::Hash(hash) => of_hash(*hash, id),
        }
    }
}
