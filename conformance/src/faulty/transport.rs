use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use rhai_dispatcher_core::{
    ActivityRange, ActivityWatch, CancelReason, Cancelled, Clock, Consumer, CrashReport, Health,
    InspectError, InstanceInfo, InstanceSpec, LoggedActivity, MethodFigures, OutcomeError, QueueInfo,
    Requeued, RunState, SubmitError, Submitted, Task, TaskCursor, TaskDetails, TaskEvents, TaskId, TaskPage,
    TaskSummary, Transport, TransportError, WorkerId,
};

use super::Fault;
use super::consumer::FaultyConsumer;
use super::peer::Peer;

/// A transport whose calls go through a fault.
#[derive(Debug)]
pub(super) struct Faulty {
    inner: Arc<dyn Transport>,
    fault: Arc<dyn Fault>,
}

impl Faulty {
    /// Puts `fault` between `inner` and its callers.
    pub(super) fn new(inner: Arc<dyn Transport>, fault: Arc<dyn Fault>) -> Self {
        Self { inner, fault }
    }
}

#[async_trait]
impl Transport for Faulty {
    fn new_task_id(&self, worker_id: &WorkerId) -> TaskId {
        self.inner.new_task_id(worker_id)
    }

    async fn submit(
        &self,
        tasks: Vec<Arc<Task>>,
    ) -> Result<Vec<Result<Submitted, SubmitError>>, TransportError> {
        self.fault.submit(&*self.inner, tasks).await
    }

    async fn attach(&self, spec: InstanceSpec) -> Result<Arc<dyn Consumer>, TransportError> {
        let spec = self.fault.spec(spec);
        let worker_id = spec.worker_id.clone();
        let consumer = self.inner.attach(spec).await?;
        let peer = Peer { transport: Arc::clone(&self.inner), consumer, worker_id };
        self.fault.attached(&peer).await;
        Ok(Arc::new(FaultyConsumer { peer, fault: Arc::clone(&self.fault) }))
    }

    async fn summaries(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskSummary>>, TransportError> {
        self.fault.summaries(&*self.inner, ids).await
    }

    async fn details(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskDetails>>, TransportError> {
        self.fault.details(&*self.inner, ids).await
    }

    fn outcome(&self, id: TaskId) -> BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>> {
        self.fault.outcome(&self.inner, id)
    }

    fn events(&self, id: TaskId) -> TaskEvents {
        self.fault.events(&self.inner, id)
    }

    fn inspect(&self, id: TaskId) -> BoxFuture<'static, Result<RunState, InspectError>> {
        self.fault.inspect(&self.inner, id)
    }

    async fn cancel(&self, ids: &[TaskId], why: CancelReason) -> Result<Vec<Cancelled>, TransportError> {
        self.fault.cancel(&*self.inner, ids, why).await
    }

    async fn report_crash(&self, report: &CrashReport) -> Result<Requeued, TransportError> {
        self.fault.report_crash(&*self.inner, report).await
    }

    async fn instances(&self, worker_id: Option<&WorkerId>) -> Result<Vec<InstanceInfo>, TransportError> {
        self.fault.instances(&*self.inner, worker_id).await
    }

    async fn figures(&self, worker_id: &WorkerId) -> Result<Vec<MethodFigures>, TransportError> {
        self.fault.figures(&*self.inner, worker_id).await
    }

    async fn activity(
        &self,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        self.fault.activity(&*self.inner, worker_id, range).await
    }

    async fn active_worker_ids(&self) -> Result<Vec<WorkerId>, TransportError> {
        self.fault.active_worker_ids(&*self.inner).await
    }

    async fn watch_activity(&self, worker_id: &WorkerId) -> Result<ActivityWatch, TransportError> {
        self.fault.watch_activity(&*self.inner, worker_id).await
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, TransportError> {
        self.fault.queues(&*self.inner).await
    }

    async fn tasks(
        &self,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> Result<TaskPage, TransportError> {
        self.fault.tasks(&*self.inner, worker_id, from, limit).await
    }

    async fn set_paused(&self, worker_id: &WorkerId, paused: bool) -> Result<(), TransportError> {
        self.fault.set_paused(&*self.inner, worker_id, paused).await
    }

    async fn connect(&self) -> Result<(), TransportError> {
        self.inner.connect().await
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.inner.clock()
    }

    fn health(&self) -> Health {
        self.inner.health()
    }
}
