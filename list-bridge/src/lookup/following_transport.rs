use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use rhai_dispatcher_core::{
    ActivityRange, ActivityWatch, CancelReason, Cancelled, Clock, Consumer, CrashReport, Health,
    InspectError, InstanceInfo, InstanceSpec, LoggedActivity, MethodFigures, OutcomeError, QueueInfo,
    Requeued, RunState, SubmitError, Submitted, Task, TaskCursor, TaskDetails, TaskEvents, TaskId, TaskPage,
    TaskSummary, Transport, TransportError, WorkerId,
};
use rhai_dispatcher_redis::RedisTransport;

use super::{Found, ListTasks};
use crate::ListId;
use crate::store::Resolved;

/// The transport over Redis, which also knows the tasks of clients of the list protocol: `details`, `outcome`, `inspect` and `cancel`
/// of an id that such a client has chosen follow to the task that runs it, if the id has the form of a task's.
///
/// The outcome of a task that this handle has submitted takes no further call; the record, the wait or the cancel of any
/// other id takes one more, and those of many ids one more together.
#[derive(Debug)]
pub struct FollowingTransport {
    inner: RedisTransport,
    tasks: ListTasks,
    /// Waits of which it is not known yet what they are for.
    resolving: Arc<AtomicUsize>,
}

impl FollowingTransport {
    /// Wraps the transport.
    #[must_use]
    pub fn new(inner: RedisTransport) -> Self {
        let tasks = ListTasks::new(&inner);
        Self { inner, tasks, resolving: Arc::default() }
    }

    /// Waits for the outcome of a client's id.
    async fn follow(tasks: ListTasks, id: TaskId) -> Result<Box<TaskDetails>, OutcomeError> {
        match tasks.outcome(&ListId::from(id)).await? {
            Some(found) => Ok(Box::new(found.into_details(id))),
            None => Err(OutcomeError::NotFound(id)),
        }
    }
}

#[async_trait]
impl Transport for FollowingTransport {
    fn new_task_id(&self, worker_id: &WorkerId) -> TaskId {
        self.inner.new_task_id(worker_id)
    }

    async fn submit(
        &self,
        tasks: Vec<Arc<Task>>,
    ) -> Result<Vec<Result<Submitted, SubmitError>>, TransportError> {
        self.inner.submit(tasks).await
    }

    async fn attach(&self, spec: InstanceSpec) -> Result<Arc<dyn Consumer>, TransportError> {
        self.inner.attach(spec).await
    }

    async fn details(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskDetails>>, TransportError> {
        let resolved = self.tasks.resolve_all(ids).await?;
        // The records of all that are tasks, or run as one, together.
        let record_of = |(id, resolved): (&TaskId, &Resolved)| match resolved {
            Resolved::Other => Some(*id),
            Resolved::Runs(task) => Some(*task),
            Resolved::Hash => None,
        };
        let records: Vec<_> = ids.iter().zip(&resolved).filter_map(record_of).collect();
        let mut records = self.inner.details(&records).await?.into_iter();
        let mut all = Vec::with_capacity(ids.len());
        for (id, resolved) in ids.iter().zip(&resolved) {
            let record = if *resolved == Resolved::Hash { None } else { records.next().flatten() };
            all.push(match record {
                None if *resolved != Resolved::Other => {
                    let hash = self.tasks.hash(&ListId::from(*id)).await?;
                    hash.map(|hash| Found::Hash(Box::new(hash)).into_details(*id))
                }
                record => record,
            });
        }
        Ok(all)
    }

    async fn summaries(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskSummary>>, TransportError> {
        // These are ids of tasks, not of clients.
        self.inner.summaries(ids).await
    }

    fn outcome(&self, id: TaskId) -> BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>> {
        if self.inner.awaits(id) {
            return self.inner.outcome(id);
        }
        let resolving = Resolving::new(&self.resolving);
        let resolved = self.tasks.resolve(&ListId::from(id));
        let tasks = self.tasks.clone();
        async move {
            match resolved.await? {
                Resolved::Other => {
                    // Counted there from now on.
                    let outcome = tasks.transport().outcome(id);
                    drop(resolving);
                    outcome.await
                }
                Resolved::Runs(_) | Resolved::Hash => Self::follow(tasks, id).await,
            }
        }
        .boxed()
    }

    fn events(&self, id: TaskId) -> TaskEvents {
        if self.inner.awaits(id) {
            return self.inner.events(id);
        }
        let queue = self.inner.event_queue();
        let resolved = self.tasks.resolve(&ListId::from(id));
        let (inner, tasks, told) = (self.inner.clone(), self.tasks.clone(), Arc::clone(&queue));
        let outcome = async move {
            match resolved.await? {
                Resolved::Other => inner.events_into(id, &told).await,
                Resolved::Runs(task) => {
                    inner.events_into(task, &told).await?;
                    Self::follow(tasks, id).await
                }
                Resolved::Hash => Self::follow(tasks, id).await,
            }
        };
        TaskEvents::new(queue, outcome.boxed())
    }

    fn inspect(&self, id: TaskId) -> BoxFuture<'static, Result<RunState, InspectError>> {
        if self.inner.awaits(id) {
            return self.inner.inspect(id);
        }
        let resolved = self.tasks.resolve(&ListId::from(id));
        let (inner, tasks) = (self.inner.clone(), self.tasks.clone());
        async move {
            match resolved.await? {
                Resolved::Other => inner.inspect(id).await,
                Resolved::Runs(task) => inner.inspect(task).await,
                Resolved::Hash => match tasks.find(&ListId::from(id)).await? {
                    Some(found) => {
                        let status = found.into_details(id).status;
                        Err(InspectError::NotRunning { task: id, status })
                    }
                    None => Err(InspectError::NotFound(id)),
                },
            }
        }
        .boxed()
    }

    async fn cancel(&self, ids: &[TaskId], why: CancelReason) -> Result<Vec<Cancelled>, TransportError> {
        let (tasks, ids) = (self.tasks.clone(), ids.to_vec());
        // On the bridge: a caller that drops the future after its first poll has cancelled all the same.
        self.tasks.on_bridge(async move { cancel(&tasks, &ids, why).await }).await
    }

    async fn report_crash(&self, report: &CrashReport) -> Result<Requeued, TransportError> {
        self.inner.report_crash(report).await
    }

    async fn instances(&self, worker_id: Option<&WorkerId>) -> Result<Vec<InstanceInfo>, TransportError> {
        self.inner.instances(worker_id).await
    }

    async fn figures(&self, worker_id: &WorkerId) -> Result<Vec<MethodFigures>, TransportError> {
        self.inner.figures(worker_id).await
    }

    async fn activity(
        &self,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        self.inner.activity(worker_id, range).await
    }

    async fn active_worker_ids(&self) -> Result<Vec<WorkerId>, TransportError> {
        self.inner.active_worker_ids().await
    }

    async fn watch_activity(&self, worker_id: &WorkerId) -> Result<ActivityWatch, TransportError> {
        self.inner.watch_activity(worker_id).await
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, TransportError> {
        self.inner.queues().await
    }

    async fn queue(&self, worker_id: &WorkerId) -> Result<QueueInfo, TransportError> {
        self.inner.queue(worker_id).await
    }

    async fn tasks(
        &self,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> Result<TaskPage, TransportError> {
        self.inner.tasks(worker_id, from, limit).await
    }

    async fn set_paused(&self, worker_id: &WorkerId, paused: bool) -> Result<(), TransportError> {
        self.inner.set_paused(worker_id, paused).await
    }

    async fn connect(&self) -> Result<(), TransportError> {
        self.inner.connect().await
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.inner.clock()
    }

    fn health(&self) -> Health {
        let mut health = self.inner.health();
        health.waiters += self.resolving.load(Ordering::Relaxed);
        health
    }
}

async fn cancel(
    tasks: &ListTasks,
    ids: &[TaskId],
    why: CancelReason,
) -> Result<Vec<Cancelled>, TransportError> {
    let resolved = tasks.resolve_all(ids).await?;
    let own = ids.iter().zip(&resolved).filter(|(_, resolved)| **resolved == Resolved::Other);
    let own: Vec<_> = own.map(|(id, _)| *id).collect();
    let mut own = tasks.transport().cancel(&own, why).await?.into_iter();
    let mut all = Vec::with_capacity(ids.len());
    for (id, resolved) in ids.iter().zip(&resolved) {
        all.push(match resolved {
            Resolved::Other => own.next().unwrap_or(Cancelled::NotFound),
            Resolved::Runs(_) | Resolved::Hash => tasks.cancel(&ListId::from(*id), why).await?,
        });
    }
    Ok(all)
}

/// Counts a wait.
struct Resolving(Arc<AtomicUsize>);

impl Resolving {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Resolving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
