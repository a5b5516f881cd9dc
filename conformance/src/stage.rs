use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either};
use rhai_dispatcher_core::{
    CancelReason, Cancelled, Consumer, CrashReport, InstanceId, InstanceSpec, Payload, QueueInfo, Requeued,
    SubmitError, Submitted, Task, TaskDetails, TaskId, TraceContext, Transport, TransportConfig,
    TransportExt, WorkerId,
};

use crate::Environment;
use crate::waiting::Waiting;

/// The context of a case: a handle on the store, and the clock.
pub(crate) struct Stage<'e> {
    env: &'e dyn Environment,
    pub(crate) config: TransportConfig,
    /// The handle for most calls of the case.
    pub(crate) transport: Arc<dyn Transport>,
}

impl<'e> Stage<'e> {
    /// A lease that outlasts any pause of the machine, so that no instance dies by accident.
    pub(crate) const LASTING: Duration = Duration::from_secs(60 * 60);

    /// Limit on the steps of time that a case waits for an event. With a real clock, the
    /// watchdog ends the case earlier.
    const MAX_STEPS: usize = 1_000;

    /// A stage on which no lease expires.
    pub(crate) async fn new(env: &'e dyn Environment) -> Self {
        Self::with(env, |config| config).await
    }

    /// A stage on which no lease expires, with the config changed.
    pub(crate) async fn with(
        env: &'e dyn Environment,
        change: impl FnOnce(TransportConfig) -> TransportConfig,
    ) -> Self {
        Self::open(env, change(env.config().with_lease(Self::LASTING))).await
    }

    /// A stage with the environment's short lease: an instance dies unless the case keeps it
    /// [`alive`](Self::alive).
    pub(crate) async fn mortal(env: &'e dyn Environment) -> Self {
        Self::open(env, env.config()).await
    }

    pub(crate) async fn open(env: &'e dyn Environment, config: TransportConfig) -> Self {
        let transport = env.open(config.clone()).await;
        Self { env, config, transport }
    }

    /// Another handle on the store, as another process would have.
    pub(crate) async fn other_handle(&self) -> Arc<dyn Transport> {
        self.env.open(self.config.clone()).await
    }

    /// A task for the worker id that [`attach`](Self::attach) serves.
    pub(crate) fn task(&self) -> Task {
        self.task_for("main")
    }

    pub(crate) fn task_for(&self, worker_id: &str) -> Task {
        let worker_id = worker(worker_id);
        let id = self.transport.new_task_id(&worker_id);
        Task { id, ..Task::new(worker_id, Payload::script("40 + 2"), "caller") }
    }

    /// A task that `parent` dispatches.
    pub(crate) fn child_of(&self, parent: TaskId) -> Task {
        Task { parent: Some(parent), depth: 1, ..self.task() }
    }

    /// The same task with an id of its own, for a worker id.
    pub(crate) fn again_for(&self, worker_id: &str, task: Task) -> Task {
        let worker_id = worker(worker_id);
        Task { id: self.transport.new_task_id(&worker_id), worker_id, ..task }
    }

    /// Submits a task that must be accepted.
    pub(crate) async fn submit(&self, task: Task) -> TaskId {
        let id = task.id;
        assert_eq!(self.ask(task).await, Ok(Submitted::Accepted(id)));
        id
    }

    /// Submits a plain task.
    pub(crate) async fn submit_any(&self) -> TaskId {
        self.submit(self.task()).await
    }

    /// Submits `count` plain tasks.
    pub(crate) async fn submit_some(&self, count: usize) -> Vec<TaskId> {
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            ids.push(self.submit_any().await);
        }
        ids
    }

    /// Submits a task, and returns the answer.
    pub(crate) async fn ask(&self, task: Task) -> Result<Submitted, SubmitError> {
        let mut answers = self.transport.submit(vec![task.into()]).await.expect("a submit");
        assert_eq!(answers.len(), 1, "one answer for each task");
        answers.remove(0)
    }

    /// A new instance for [`task`](Self::task)s.
    pub(crate) async fn attach(&self) -> Arc<dyn Consumer> {
        self.attach_to("main").await
    }

    pub(crate) async fn attach_to(&self, worker_id: &str) -> Arc<dyn Consumer> {
        self.transport.attach(InstanceSpec::new(worker(worker_id))).await.expect("an attach")
    }

    /// The record of a task. The record must exist.
    pub(crate) async fn details(&self, id: TaskId) -> TaskDetails {
        self.record(id).await.expect("a record")
    }

    pub(crate) async fn record(&self, id: TaskId) -> Option<TaskDetails> {
        let mut records = self.transport.details(&[id]).await.expect("details");
        assert_eq!(records.len(), 1, "one answer for each task");
        records.remove(0)
    }

    pub(crate) async fn cancel(&self, id: TaskId) -> Cancelled {
        self.transport.cancel_one(id, CancelReason::Asked).await.expect("a cancel")
    }

    pub(crate) async fn cancel_all(&self, ids: &[TaskId]) {
        for id in ids {
            self.cancel(*id).await;
        }
    }

    /// The figures of a queue. The queue must exist.
    pub(crate) async fn queue(&self, worker_id: &str) -> QueueInfo {
        let queues = self.transport.queues().await.expect("queues");
        queues.into_iter().find(|queue| queue.worker_id.as_str() == worker_id).expect("a queue")
    }

    /// Reports that the process of `crashed` has died while these tasks were on a processor.
    pub(crate) async fn report_crash(&self, crashed: &Arc<dyn Consumer>, running: &[TaskId]) -> Requeued {
        self.report_crash_of(crashed.instance(), running).await
    }

    pub(crate) async fn report_crash_of(&self, instance: InstanceId, running: &[TaskId]) -> Requeued {
        let report = CrashReport { worker_id: worker("main"), instance, running: running.to_vec() };
        self.transport.report_crash(&report).await.expect("a report")
    }

    /// Starts to wait for an outcome now. The wait is polled only after a wake-up.
    pub(crate) fn outcome(&self, id: TaskId) -> Waiting<'static, TaskDetails> {
        outcome(&self.transport, id)
    }

    /// Kills an instance.
    pub(crate) fn kill(&self, consumer: Arc<dyn Consumer>) {
        self.env.kill(consumer);
    }

    /// A short time for this environment: as long as a lease.
    pub(crate) fn short(&self) -> Duration {
        self.env.config().lease
    }

    /// Polls `future` until it waits; it must not be ready.
    pub(crate) async fn park<T>(&self, future: &mut Waiting<'_, T>) {
        if let Either::Left(_) = future::select(future, self.env.settle()).await {
            panic!("it should have waited");
        }
    }

    /// Lets time pass until `future` is ready, while `living` renew their leases.
    pub(crate) async fn alive<F: Future>(&self, living: &[&Arc<dyn Consumer>], future: F) -> F::Output {
        let mut future = pin!(future);
        for _ in 0..Self::MAX_STEPS {
            // Futures that the last step woke run first: they may not need more time.
            let step = pin!(async {
                self.env.settle().await;
                self.step(living).await;
            });
            if let Either::Left((output, _)) = future::select(future.as_mut(), step).await {
                return output;
            }
        }
        panic!("the event did not happen within {} steps", Self::MAX_STEPS);
    }

    /// Lets time pass until `done`, while `living` renew their leases.
    pub(crate) async fn until(&self, living: &[&Arc<dyn Consumer>], mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..Self::MAX_STEPS {
            if done().await {
                return;
            }
            self.step(living).await;
        }
        panic!("the event did not happen within {} steps", Self::MAX_STEPS);
    }

    /// Lets the time of three leases pass, while `living` renew their leases.
    pub(crate) async fn elapse_leases(&self, living: &[&Arc<dyn Consumer>]) {
        for _ in 0..15 {
            self.step(living).await;
        }
    }

    /// Lets a fifth of the lease pass, so that `living` renew their leases well before the end.
    async fn step(&self, living: &[&Arc<dyn Consumer>]) {
        self.env.elapse(self.short() / 5).await;
        for consumer in living {
            consumer.renew().await.expect("a renewal");
        }
    }
}

/// A trace context with that state.
pub(crate) fn trace(state: &str) -> TraceContext {
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    TraceContext::from_headers(traceparent, Some(state)).expect("a valid context")
}

pub(crate) fn worker(name: &str) -> WorkerId {
    WorkerId::try_from(name).expect("a worker id")
}

/// Starts to wait for an outcome through `transport`. The wait is polled only after a wake-up.
pub(crate) fn outcome(transport: &Arc<dyn Transport>, id: TaskId) -> Waiting<'static, TaskDetails> {
    let outcome = transport.outcome(id);
    Waiting::new(async { *outcome.await.expect("an outcome") })
}
