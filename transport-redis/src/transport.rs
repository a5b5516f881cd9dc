use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use rhai_dispatcher_core::{
    ActivityRange, ActivityWatch, CancelReason, Cancelled, Clock, Consumer, CrashReport, EventQueue, Health,
    InspectError, InstanceInfo, InstanceSpec, Invalid, LoggedActivity, MethodFigures, OutcomeError,
    QueueInfo, Requeued, RunState, SubmitError, Submitted, Task, TaskCursor, TaskDetails, TaskEvents, TaskId,
    TaskPage, TaskSummary, Transport, TransportError, WorkerId,
};
use tokio::time::Instant;

use crate::activity::{read_activity, watch};
use crate::cancel::cancel_with_children;
use crate::client::ClientError;
use crate::commands::RedisCommands;
use crate::config::RedisConfig;
use crate::consumer::RedisConsumer;
use crate::events::follow;
use crate::handle::Handle;
use crate::inspect::ask;
use crate::listing::{read_active, read_all_instances, read_queue, read_queues, read_task_page};
use crate::recovery::report_crash;
use crate::report::{read_figures, read_instances};
use crate::script::{Args, Script};
use crate::slot::new_task_id;
use crate::wait::{OutcomeFuture, check_channels, read_details, read_summaries};

/// The transport over Redis. Clones are the same handle, with one inbox and one connection for calls.
#[derive(Debug, Clone)]
pub struct RedisTransport {
    handle: Arc<Handle>,
}

impl RedisTransport {
    /// A handle on the server that `config` names. It connects with the first call.
    ///
    /// # Errors
    /// The first setting that makes no sense, as [`Invalid`].
    pub fn new(config: RedisConfig) -> Result<Self, Invalid> {
        Ok(Self { handle: Arc::new(Handle::new(config)?) })
    }

    /// Commands to the same server, on the connection for calls: for the list bridge.
    #[doc(hidden)]
    #[must_use]
    pub fn commands(&self) -> RedisCommands {
        RedisCommands::new(&self.handle)
    }

    /// Whether this handle has submitted that task, and is going to be sent its outcome.
    #[must_use]
    pub fn awaits(&self, id: TaskId) -> bool {
        self.handle.started_background().is_some_and(|background| background.inbox.waits.awaits(id))
    }

    /// A queue for the events of a task, with the limits of the config.
    #[must_use]
    pub fn event_queue(&self) -> Arc<EventQueue> {
        Arc::new(EventQueue::new(self.handle.config.transport.event_limits()))
    }

    /// Subscribes to a task as [`events`](Transport::events) does: its events go to `queue`, and the future has the
    /// outcome. Dropping the future ends the subscription.
    pub fn events_into(
        &self,
        id: TaskId,
        queue: &Arc<EventQueue>,
    ) -> BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>> {
        follow(&self.handle, id, queue)
    }
}

#[async_trait]
impl Transport for RedisTransport {
    /// One whose record is in the slot of the worker id in a cluster.
    fn new_task_id(&self, worker_id: &WorkerId) -> TaskId {
        new_task_id(&self.handle.config.prefix, worker_id)
    }

    async fn submit(
        &self,
        tasks: Vec<Arc<Task>>,
    ) -> Result<Vec<Result<Submitted, SubmitError>>, TransportError> {
        Ok(self.handle.background().submitter.submit(&tasks).await?)
    }

    async fn attach(&self, spec: InstanceSpec) -> Result<Arc<dyn Consumer>, TransportError> {
        // An instance begins on the connection of its renewals. `health` tells of that for calls, which finishes need.
        self.connect().await?;
        let consumer =
            RedisConsumer::attach(Arc::clone(&self.handle), self.handle.background(), spec).await?;
        Ok(Arc::new(consumer))
    }

    async fn details(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskDetails>>, TransportError> {
        /// As with batches: bounds how long the server is kept from others.
        const AT_ONCE: usize = 128;
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let caller = Arc::clone(&self.handle.caller);
            let ids = ids.to_vec();
            let records = self.handle.run(async move { read_details(&caller, &ids).await }).await?;
            for record in records {
                all.push(record.map_err(|problem| ClientError::of_server(&problem))?);
            }
        }
        Ok(all)
    }

    async fn summaries(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskSummary>>, TransportError> {
        /// Bounds how long the server is kept from others.
        const AT_ONCE: usize = 256;
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let caller = Arc::clone(&self.handle.caller);
            let ids = ids.to_vec();
            all.extend(self.handle.run(async move { read_summaries(&caller, &ids).await }).await?);
        }
        Ok(all)
    }

    fn outcome(&self, id: TaskId) -> BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>> {
        OutcomeFuture::new(id, &self.handle.background().inbox.waits, Arc::clone(&self.handle)).boxed()
    }

    fn events(&self, id: TaskId) -> TaskEvents {
        let queue = self.event_queue();
        let outcome = self.events_into(id, &queue);
        TaskEvents::new(queue, outcome)
    }

    fn inspect(&self, id: TaskId) -> BoxFuture<'static, Result<RunState, InspectError>> {
        ask(Arc::clone(&self.handle), id).boxed()
    }

    async fn cancel(&self, ids: &[TaskId], why: CancelReason) -> Result<Vec<Cancelled>, TransportError> {
        let (caller, ids) = (Arc::clone(&self.handle.caller), ids.to_vec());
        self.handle.run(async move { cancel_with_children(&caller, why, &ids).await }).await
    }

    async fn report_crash(&self, report: &CrashReport) -> Result<Requeued, TransportError> {
        report_crash(&self.handle, report).await
    }

    async fn instances(&self, worker_id: Option<&WorkerId>) -> Result<Vec<InstanceInfo>, TransportError> {
        let Some(worker_id) = worker_id.cloned() else { return read_all_instances(&self.handle).await };
        let caller = Arc::clone(&self.handle.caller);
        self.handle.run(async move { read_instances(&caller, &worker_id).await }).await
    }

    async fn figures(&self, worker_id: &WorkerId) -> Result<Vec<MethodFigures>, TransportError> {
        read_figures(&self.handle, worker_id).await
    }

    async fn activity(
        &self,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        read_activity(&self.handle, worker_id, range).await
    }

    async fn active_worker_ids(&self) -> Result<Vec<WorkerId>, TransportError> {
        read_active(&self.handle).await
    }

    async fn watch_activity(&self, worker_id: &WorkerId) -> Result<ActivityWatch, TransportError> {
        watch(&self.handle, worker_id).await
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, TransportError> {
        read_queues(&self.handle).await
    }

    async fn queue(&self, worker_id: &WorkerId) -> Result<QueueInfo, TransportError> {
        read_queue(&self.handle, worker_id).await
    }

    async fn tasks(
        &self,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> Result<TaskPage, TransportError> {
        read_task_page(&self.handle, worker_id, from, limit).await
    }

    async fn set_paused(&self, worker_id: &WorkerId, paused: bool) -> Result<(), TransportError> {
        let mut args = Args::new();
        args.push_copy(worker_id.as_str()).push_flag(paused);
        let (caller, names) = (Arc::clone(&self.handle.caller), Arc::clone(&self.handle.queue_names));
        let worker_id = worker_id.clone();
        let pause = async move {
            let deadline = Instant::now() + caller.timeout;
            names.note(&worker_id, deadline).await?;
            caller.run_until(Script::Pause, &worker_id, args, deadline).await
        };
        self.handle.run(pause).await.map(drop)
    }

    async fn connect(&self) -> Result<(), TransportError> {
        let caller = Arc::clone(&self.handle.caller);
        self.handle.run(async move { check_channels(&caller).await }).await
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.handle.clock
    }

    fn health(&self) -> Health {
        let caller = &self.handle.caller;
        let mut health = Health::default();
        health.connected = caller.links.is_up();
        health.waiters =
            self.handle.started_background().map_or(0, |background| background.inbox.waits.count());
        health.reconnects = caller.links.reconnects();
        health.last_error = caller.links.problem().or_else(|| caller.last_error());
        let writes = &self.handle.writes;
        if !Arc::ptr_eq(caller, writes) {
            health.reconnects += writes.links.reconnects();
            let problem = writes.links.problem().or_else(|| writes.last_error());
            health.last_error = health.last_error.or(problem);
        }
        health
    }
}
