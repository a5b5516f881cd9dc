use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use futures::future::{self, BoxFuture};
use rhai_dispatcher_core::{
    CancelReason, Cancelled, Claim, Clock, Consumer, Health, InstanceInfo, InstanceSpec, OutcomeError,
    QueueInfo, Signal, SubmitError, Submitted, Task, TaskDetails, TaskId, TaskStatus, Transport,
    TransportConfig, TransportError, WorkerId,
};

use crate::MemoryConfig;
use crate::consumer::MemoryConsumer;
use crate::hub::{Effects, Hub};
use crate::outcome::OutcomeFuture;
use crate::record::Record;

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

    /// The hub of that name in this process, which is made with `config` if nobody holds it.
    #[must_use]
    pub fn named(name: &str, config: MemoryConfig) -> Self {
        Self { hub: crate::named::hub(name, || config) }
    }

    /// Begins an instance, as [`attach`](Transport::attach) does, without a future.
    #[must_use]
    pub fn attach_now(&self, spec: &InstanceSpec) -> Arc<dyn Consumer> {
        Arc::new(MemoryConsumer::attach(Arc::clone(&self.hub), spec))
    }

    fn cancel_one(&self, id: TaskId, why: CancelReason) -> Cancelled {
        let mut effects = Effects::new(&self.hub);
        let Some(record) = self.hub.records.get(id, || effects.now) else { return Cancelled::NotFound };
        let Some(queue) = record.queue.upgrade() else { return Cancelled::AlreadyFinished };
        let mut state = queue.lock();
        if state.cancel_waiting(&record, why, &mut effects) {
            return Cancelled::Removed;
        }
        let Some((claim, first)) = request_cancel(&record, why) else { return Cancelled::AlreadyFinished };
        if first && let Some(instance) = state.instances.get(&claim.instance) {
            instance.lock().signal(Signal::Cancel(claim, why), &mut effects.wakes);
        }
        drop(state);
        Cancelled::Requested
    }
}

/// Notes in the record that a running task is to stop, and whether that is news. `None` if it has
/// ended.
fn request_cancel(record: &Record, why: CancelReason) -> Option<(Claim, bool)> {
    let mut state = record.lock();
    if state.progress.status != TaskStatus::Processing {
        return None;
    }
    let first = state.cancel.is_none();
    state.cancel.get_or_insert(why);
    let instance = state.progress.instance?;
    Some((Claim { task: record.task.id, instance, delivery: state.progress.delivery }, first))
}

#[async_trait]
impl Transport for MemoryTransport {
    async fn submit(
        &self,
        tasks: Vec<Arc<Task>>,
    ) -> Result<Vec<Result<Submitted, SubmitError>>, TransportError> {
        Ok(tasks.into_iter().map(|task| self.hub.queue(&task.worker_id).submit(&self.hub, task)).collect())
    }

    async fn attach(&self, spec: InstanceSpec) -> Result<Arc<dyn Consumer>, TransportError> {
        Ok(self.attach_now(&spec))
    }

    async fn details(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskDetails>>, TransportError> {
        let details = |id: &TaskId| Some(self.hub.records.get(*id, || self.hub.now())?.details());
        Ok(ids.iter().map(details).collect())
    }

    fn outcome(&self, id: TaskId) -> BoxFuture<'static, Result<TaskDetails, OutcomeError>> {
        match self.hub.records.get(id, || self.hub.now()) {
            Some(record) => Box::pin(OutcomeFuture::new(Arc::clone(&self.hub), record)),
            None => Box::pin(future::ready(Err(OutcomeError::NotFound(id)))),
        }
    }

    async fn cancel(&self, ids: &[TaskId], why: CancelReason) -> Result<Vec<Cancelled>, TransportError> {
        Ok(ids.iter().map(|id| self.cancel_one(*id, why)).collect())
    }

    async fn instances(&self, worker_id: Option<&WorkerId>) -> Result<Vec<InstanceInfo>, TransportError> {
        let queues = self.hub.queues().into_iter();
        let queues = queues.filter(|queue| worker_id.is_none_or(|wanted| *wanted == queue.worker_id));
        let mut instances: Vec<_> = queues.flat_map(|queue| queue.instances(&self.hub)).collect();
        instances.sort_by(|a, b| (&a.worker_id, a.instance).cmp(&(&b.worker_id, b.instance)));
        Ok(instances)
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, TransportError> {
        let queues = self.hub.queues().into_iter().filter(|queue| queue.is_used());
        let mut queues: Vec<_> = queues.map(|queue| queue.info()).collect();
        queues.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        Ok(queues)
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
