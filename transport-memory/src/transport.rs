use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use rhai_dispatcher_core::{
    ActivityRange, ActivityWatch, CancelReason, Cancelled, Clock, Consumer, CrashReport, EventQueue, Health,
    InspectError, InstanceInfo, InstanceSpec, LoggedActivity, MethodFigures, OutcomeError, QueueInfo,
    Requeued, RunState, SubmitError, Submitted, Task, TaskCursor, TaskDetails, TaskEvents, TaskId, TaskPage,
    Transport, TransportConfig, TransportError, WorkerId,
};

use crate::MemoryConfig;
use crate::consumer::MemoryConsumer;
use crate::hub::{Effects, Hub, named_hub};
use crate::outcome::OutcomeFuture;
use crate::wakes::Wakes;

/// A transport within this process. Clones are handles on the same hub.
#[derive(Clone)]
pub struct MemoryTransport {
    hub: Arc<Hub>,
}

impl MemoryTransport {
    /// A hub of its own.
    #[must_use]
    pub fn new(config: MemoryConfig) -> Self {
        Self { hub: Hub::new(config) }
    }

    /// The hub of that name in this process, which is made with `config` if no handle holds it.
    #[must_use]
    pub fn named(name: &str, config: MemoryConfig) -> Self {
        Self { hub: named_hub(name, || config) }
    }

    /// Begins an instance, as [`attach`](Transport::attach) does, without a future.
    #[must_use]
    pub fn attach_now(&self, spec: &InstanceSpec) -> Arc<dyn Consumer> {
        Arc::new(MemoryConsumer::attach(Arc::clone(&self.hub), spec))
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    async fn submit(
        &self,
        tasks: Vec<Arc<Task>>,
    ) -> Result<Vec<Result<Submitted, SubmitError>>, TransportError> {
        Ok(tasks.into_iter().map(|task| self.hub.submit(task)).collect())
    }

    async fn attach(&self, spec: InstanceSpec) -> Result<Arc<dyn Consumer>, TransportError> {
        Ok(self.attach_now(&spec))
    }

    async fn details(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskDetails>>, TransportError> {
        let details = |id: &TaskId| Some(self.hub.record(*id, || self.hub.tick())?.details());
        Ok(ids.iter().map(details).collect())
    }

    fn outcome(&self, id: TaskId) -> BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>> {
        match self.hub.record(id, || self.hub.tick()) {
            Some(record) => Box::pin(OutcomeFuture::new(Arc::clone(&self.hub), record)),
            None => Box::pin(future::ready(Err(OutcomeError::NotFound(id)))),
        }
    }

    fn events(&self, id: TaskId) -> TaskEvents {
        let limits = self.hub.config.transport.event_limits();
        let queue = Arc::new(EventQueue::new(limits));
        if let Some(record) = self.hub.record(id, || self.hub.tick()) {
            let mut wakes = Wakes::default();
            record.lock().subscribe(&queue, limits, &mut wakes);
        }
        TaskEvents::new(queue, self.outcome(id))
    }

    fn inspect(&self, id: TaskId) -> BoxFuture<'static, Result<RunState, InspectError>> {
        match self.hub.inspect(id) {
            Ok(pending) => pending.map(move |state| state.ok_or(InspectError::Changing(id))).boxed(),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }

    async fn cancel(&self, ids: &[TaskId], why: CancelReason) -> Result<Vec<Cancelled>, TransportError> {
        Ok(ids.iter().map(|id| self.hub.cancel(*id, why)).collect())
    }

    async fn report_crash(&self, report: &CrashReport) -> Result<Requeued, TransportError> {
        Ok(self.hub.report_crash(report))
    }

    async fn instances(&self, worker_id: Option<&WorkerId>) -> Result<Vec<InstanceInfo>, TransportError> {
        let queues = self.hub.queues().into_iter();
        let queues = queues.filter(|queue| worker_id.is_none_or(|wanted| *wanted == queue.worker_id));
        let mut instances: Vec<_> = queues.flat_map(|queue| self.hub.instances_of(&queue)).collect();
        instances.sort_by(|a, b| (&a.worker_id, a.instance).cmp(&(&b.worker_id, b.instance)));
        Ok(instances)
    }

    async fn figures(&self, worker_id: &WorkerId) -> Result<Vec<MethodFigures>, TransportError> {
        Ok(self.hub.queue(worker_id).lock().figures.list())
    }

    async fn activity(
        &self,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        let config = &self.hub.config;
        let now = config.clock.wall();
        let log = self.hub.activity.existing(worker_id, self.hub.tick(), &config.transport);
        Ok(log.map_or_else(|| LoggedActivity::new(now, Vec::new(), None), |log| log.read(&range, now)))
    }

    async fn active_worker_ids(&self) -> Result<Vec<WorkerId>, TransportError> {
        Ok(self.hub.activity.worker_ids(self.hub.tick(), &self.hub.config.transport))
    }

    async fn watch_activity(&self, worker_id: &WorkerId) -> Result<ActivityWatch, TransportError> {
        let (log, queue) = (self.hub.activity_of(worker_id), Arc::default());
        log.watch(&queue);
        Ok(ActivityWatch::new(queue, log))
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, TransportError> {
        // What has expired is ended first.
        let queues = self.hub.queues().into_iter().map(|queue| (self.hub.queue_info(&queue), queue));
        let listed = queues.filter(|(_, queue)| queue.lock().is_listed());
        let mut queues: Vec<_> = listed.map(|(info, _)| info).collect();
        queues.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        Ok(queues)
    }

    async fn queue(&self, worker_id: &WorkerId) -> Result<QueueInfo, TransportError> {
        Ok(self.hub.queue_info(&self.hub.queue(worker_id)))
    }

    async fn tasks(
        &self,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> Result<TaskPage, TransportError> {
        self.hub.task_page(worker_id, from, limit)
    }

    async fn set_paused(&self, worker_id: &WorkerId, paused: bool) -> Result<(), TransportError> {
        let queue = self.hub.queue(worker_id);
        let mut effects = Effects::new(&self.hub);
        let mut state = queue.lock();
        state.paused = paused;
        state.wake_all(&mut effects);
        drop(state);
        Ok(())
    }

    async fn connect(&self) -> Result<(), TransportError> {
        Ok(())
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.hub.config.clock
    }

    fn health(&self) -> Health {
        let mut health = Health::default();
        health.connected = true;
        health.waiters = self.hub.waiters.load(Ordering::Relaxed);
        health
    }
}

impl From<TransportConfig> for MemoryTransport {
    fn from(config: TransportConfig) -> Self {
        Self::new(MemoryConfig::default().with_transport(config))
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransport").field("config", &self.hub.config).finish_non_exhaustive()
    }
}
