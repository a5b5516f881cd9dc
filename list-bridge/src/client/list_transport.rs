use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use rhai_dispatcher_core::{
    ActivityRange, ActivityWatch, CancelReason, Cancelled, Clock, Consumer, CrashReport, Health,
    InspectError, InstanceInfo, InstanceSpec, Invalid, LoggedActivity, MethodFigures, OutcomeError,
    QueueInfo, Requeued, RunState, SubmitError, Submitted, Task, TaskCursor, TaskDetails, TaskId, TaskPage,
    Transport, TransportError, WallTime, WorkerId,
};
use rhai_dispatcher_redis::{ClientError, RedisCommands, RedisConfig, RedisTransport};
use tokio::time::sleep;

use super::replies::{Replies, Wait};
use super::reply_reader::ReplyReader;
use super::unsupported::{refused, unsupported};
use crate::bridge::ListBridgeConfig;
use crate::keys::Keys;
use crate::record::of_hash;
use crate::store::{FieldLimits, HashRead, TaskStore};
use crate::{ListId, ListUrl};

/// Submits tasks to workers that know only the list protocol, and waits for their replies.
///
/// It has what that protocol has: a script with its caller and context, the status, the outcome. A delay, a priority, args,
/// a cancel and the like are errors that say so. A worker of that protocol may lose a task when it dies; the wait then ends
/// by its timeout. A submit whose answer was lost may have pushed the task: to submit it again may run it twice.
#[derive(Debug)]
pub struct ListTransport {
    /// For its connections, thread and clock.
    inner: RedisTransport,
    commands: RedisCommands,
    tasks: TaskStore,
    keys: Keys,
    recheck: Duration,
    replies: Arc<Replies>,
    reader: OnceLock<()>,
}

/// The shortest and longest time between two reads of the hash of a task that another process has submitted: its reply is
/// for that process. The same holds beyond as many replies as are waited for at once.
const POLL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

impl ListTransport {
    /// A handle on the server that `url` names, with the other settings of `config`.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn new(url: &ListUrl, mut config: RedisConfig) -> Result<Self, Invalid> {
        config.url = url.server().into();
        let config = config.resolved()?;
        let recheck = config.recheck_interval;
        let limits = ListBridgeConfig::new();
        let most_output = config.max_outcome_bytes;
        let inner = RedisTransport::new(config)?;
        let commands = inner.commands();
        if commands.is_of_cluster() {
            let problem = "is for a single server, and the URL names a cluster";
            return Err(Invalid::new("protocol", problem, "leave protocol=list out, or name another server"));
        }
        let limits = limits.with_max_output_bytes(most_output).field_limits();
        let limits = FieldLimits { script: limits.script.max(most_output), ..limits };
        let tasks = TaskStore::new(commands.clone(), limits);
        let keys = Keys::new(commands.prefix());
        Ok(Self { inner, commands, tasks, keys, recheck, replies: Arc::default(), reader: OnceLock::new() })
    }

    async fn submit_one(&self, task: &Task) -> Result<Result<Submitted, SubmitError>, TransportError> {
        if let Some(invalid) = unsupported(task) {
            return Ok(Err(invalid.into()));
        }
        let Some(source) = task.payload.source() else {
            let problem = "is a call of a method, which the list protocol does not have";
            return Ok(Err(Invalid::new(
                "payload",
                problem,
                "send a script, or connect without protocol=list",
            )
            .into()));
        };
        let (hash, queue) = (self.keys.hash(&ListId::from(task.id)), self.keys.queue(&task.worker_id));
        let mut fields = vec![hash];
        let now = WallTime::now().to_string();
        let id = task.id.to_string();
        let mut field = |name: &'static str, value: &str| {
            fields.extend([Bytes::from_static(name.as_bytes()), Bytes::copy_from_slice(value.as_bytes())]);
        };
        field("taskId", &id);
        field("script", source);
        field("status", "pending");
        field("workerId", task.worker_id.as_str());
        field("callerId", &task.caller_id);
        if let Some(context) = &task.context_id {
            field("contextId", context);
        }
        if let Some(trace) = &task.trace {
            field("traceparent", &trace.traceparent());
            if let Some(state) = trace.tracestate() {
                field("tracestate", state);
            }
        }
        field("createdAt", &now);
        field("updatedAt", &now);
        let commands = self.commands.clone();
        let pushed = self.run(async move {
            // The worker reads the hash when it has the id.
            commands.run("HSET", fields).await?;
            commands.once("LPUSH", vec![queue, id.into()]).await
        });
        self.replies.submit(task.id);
        pushed.await?;
        Ok(Ok(Submitted::Accepted(task.id)))
    }

    fn start_reader(&self) {
        let reader = ReplyReader::new(&self.replies, &self.commands, self.tasks.clone(), self.recheck);
        self.commands.bridge().spawn(reader.run());
    }

    async fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, ClientError>> + Send + 'static,
    ) -> Result<T, TransportError> {
        run(&self.commands, call).await
    }
}

#[async_trait]
impl Transport for ListTransport {
    async fn submit(
        &self,
        tasks: Vec<Arc<Task>>,
    ) -> Result<Vec<Result<Submitted, SubmitError>>, TransportError> {
        let mut answers = Vec::with_capacity(tasks.len());
        for task in &tasks {
            answers.push(self.submit_one(task).await?);
        }
        Ok(answers)
    }

    async fn attach(&self, _spec: InstanceSpec) -> Result<Arc<dyn Consumer>, TransportError> {
        Err(refused("a worker"))
    }

    async fn details(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskDetails>>, TransportError> {
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let (tasks, id) = (self.tasks.clone(), *id);
            all.push(self.run(async move { read(&tasks, id).await }).await?);
        }
        Ok(all)
    }

    fn outcome(&self, id: TaskId) -> BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>> {
        if let Some(wait) = self.replies.wait(id) {
            self.reader.get_or_init(|| self.start_reader());
            let replies = Arc::clone(&self.replies);
            return wait_for_reply(Waiting { replies, id, wait }).boxed();
        }
        let (tasks, commands) = (self.tasks.clone(), self.commands.clone());
        async move {
            let mut pause = POLL.0;
            loop {
                let (reading, wait) = (tasks.clone(), pause);
                let details = run(&commands, async move {
                    let details = read(&reading, id).await?;
                    if details.as_ref().is_some_and(|details| !details.status.is_terminal()) {
                        sleep(wait).await;
                    }
                    Ok(details)
                });
                match details.await? {
                    Some(details) if details.status.is_terminal() => return Ok(Box::new(details)),
                    Some(_) => pause = (pause * 2).min(POLL.1),
                    None => return Err(OutcomeError::NotFound(id)),
                }
            }
        }
        .boxed()
    }

    fn inspect(&self, _id: TaskId) -> BoxFuture<'static, Result<RunState, InspectError>> {
        future::ready(Err(refused("a question where a task is").into())).boxed()
    }

    async fn cancel(&self, _ids: &[TaskId], _why: CancelReason) -> Result<Vec<Cancelled>, TransportError> {
        Err(refused("cancel"))
    }

    async fn report_crash(&self, _report: &CrashReport) -> Result<Requeued, TransportError> {
        Err(refused("a report of a crash"))
    }

    async fn instances(&self, _worker_id: Option<&WorkerId>) -> Result<Vec<InstanceInfo>, TransportError> {
        Err(refused("a list of workers"))
    }

    async fn figures(&self, _worker_id: &WorkerId) -> Result<Vec<MethodFigures>, TransportError> {
        Err(refused("a list of figures"))
    }

    async fn activity(
        &self,
        _worker_id: &WorkerId,
        _range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        Err(refused("a read of activity"))
    }

    async fn active_worker_ids(&self) -> Result<Vec<WorkerId>, TransportError> {
        Err(refused("a read of activity"))
    }

    async fn watch_activity(&self, _worker_id: &WorkerId) -> Result<ActivityWatch, TransportError> {
        Err(refused("a watch of activity"))
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, TransportError> {
        Err(refused("a list of queues"))
    }

    async fn tasks(
        &self,
        _worker_id: &WorkerId,
        _from: &TaskCursor,
        _limit: NonZeroUsize,
    ) -> Result<TaskPage, TransportError> {
        Err(refused("a list of tasks"))
    }

    async fn set_paused(&self, _worker_id: &WorkerId, _paused: bool) -> Result<(), TransportError> {
        Err(refused("pause"))
    }

    async fn connect(&self) -> Result<(), TransportError> {
        self.inner.connect().await
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.inner.clock()
    }

    fn health(&self) -> Health {
        let mut health = self.inner.health();
        health.waiters = self.replies.count();
        health
    }
}

async fn run<T: Send + 'static>(
    commands: &RedisCommands,
    call: impl Future<Output = Result<T, ClientError>> + Send + 'static,
) -> Result<T, TransportError> {
    let ended = || ClientError::Lost("the runtime of the transport has ended".into());
    Ok(commands.bridge().run(call).await.unwrap_or_else(|_| Err(ended()))?)
}

/// The record that the hash of a task is.
async fn read(tasks: &TaskStore, id: TaskId) -> Result<Option<TaskDetails>, ClientError> {
    let list_id = ListId::from(id);
    Ok(match tasks.read(&list_id, None).await? {
        HashRead::Hash(hash) => Some(of_hash(hash.details(&list_id), id)),
        HashRead::Missing | HashRead::WrongType(_) | HashRead::Record => None,
    })
}

async fn wait_for_reply(mut waiting: Waiting) -> Result<Box<TaskDetails>, OutcomeError> {
    let answer = (&mut waiting.wait.answer).await;
    let ended = || TransportError::from(ClientError::Lost("the transport has ended".into()));
    answer.unwrap_or_else(|_| Err(ended().into()))
}

/// A wait, which ends with this.
struct Waiting {
    replies: Arc<Replies>,
    id: TaskId,
    wait: Wait,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.replies.forget(self.id, self.wait.number);
    }
}
