//! The worker over this transport: what a blocked lane, a flaky store or a hostile caller must not do.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use futures::future::{LocalBoxFuture, poll_fn};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use rhai_dispatcher_core::{
    CancelReason, Claim, Claimed, Completion, Consumer, CrashReport, Finish, Finished, Handler, InstanceId,
    InstanceReport, InstanceSpec, Json, ManualClock, Outcome, Output, Payload, Ran, Reported, Requeued, Run,
    Signal, Task, TaskId, TaskLog, TaskStatus, Transport, TransportConfig, TransportError, TransportExt,
    Worker, WorkerConfig, WorkerId,
};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const EIGHT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").unwrap()
}

fn task(script: &str) -> Task {
    Task::new(worker_id(), Payload::script(script), "caller-1")
}

fn completed() -> Outcome {
    Outcome::Completed(Output::from(Json::null()))
}

/// Blocks its thread for the script `block`, at its first run, until the test lets it go; everything
/// else ends at once.
struct Blocking {
    gate: Arc<std::sync::Mutex<Option<Receiver<()>>>>,
}

impl Handler for Blocking {
    fn poll_ready(&self, _cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        Poll::Ready(EIGHT)
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        let gate = Arc::clone(&self.gate);
        async move {
            if run.claimed.task.payload.source().is_some_and(|source| &**source == "block") {
                let gate = gate.lock().unwrap().take();
                gate.map(|gate| gate.recv());
            }
            Ran::Finished(completed(), TaskLog::new())
        }
        .boxed_local()
    }
}

/// A consumer whose first finish that gives up fails, as if the store had been away for a moment.
struct Flaky {
    inner: Arc<dyn Consumer>,
    failed: AtomicBool,
}

#[async_trait]
impl Consumer for Flaky {
    fn instance(&self) -> InstanceId {
        self.inner.instance()
    }
    fn lease(&self) -> Duration {
        self.inner.lease()
    }
    async fn claim(&self, max: NonZeroUsize) -> Result<Vec<Claimed>, TransportError> {
        self.inner.claim(max).await
    }
    async fn finish(&self, done: &[Completion]) -> Vec<Result<Finished, TransportError>> {
        let gives_up = done.iter().any(|done| done.finish == Finish::Abandon);
        if gives_up && !self.failed.swap(true, Ordering::Relaxed) {
            return done
                .iter()
                .map(|_| Err(TransportError::Unavailable(Arc::new(std::fmt::Error))))
                .collect();
        }
        self.inner.finish(done).await
    }
    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        self.inner.renew().await
    }
    async fn report(&self, report: &InstanceReport) -> Result<Reported, TransportError> {
        self.inner.report(report).await
    }
    fn signals(&self) -> BoxStream<'static, Signal> {
        self.inner.signals()
    }
    async fn detach(&self) -> Result<(), TransportError> {
        self.inner.detach().await
    }
}

#[test]
fn tasks_of_a_blocked_lane_run_elsewhere_even_if_giving_them_up_fails_once() {
    let lease = TransportConfig::default().with_lease(Duration::from_millis(60));
    let transport = MemoryTransport::from(lease);
    let (let_go, gate) = mpsc::channel();
    let gate = Arc::new(std::sync::Mutex::new(Some(gate)));

    let config = WorkerConfig::default().with_lanes(ONE).with_stall_timeout(Duration::from_millis(50));
    let worker = Worker::new(Arc::new(transport.clone()), worker_id()).with_config(config);
    let consumer = transport.attach_now(&InstanceSpec::new(worker_id()));
    let flaky = Arc::new(Flaky { inner: consumer, failed: AtomicBool::new(false) });
    let blocked_gate = Arc::clone(&gate);
    let blocked = worker.start_attached(flaky, move || Blocking { gate: Arc::clone(&blocked_gate) }).unwrap();
    let stuck = task("block");
    let id = stuck.id;
    block_on(transport.submit_one(stuck)).unwrap();
    while gate.lock().unwrap().is_some() {
        std::thread::yield_now(); // until the lane is in it
    }

    let config = WorkerConfig::default().with_lanes(ONE);
    let other = Worker::new(Arc::new(transport.clone()), worker_id()).with_config(config);
    let _other = block_on(other.start(move || Blocking { gate: Arc::clone(&gate) })).unwrap();
    let details = block_on(transport.outcome(id)).unwrap();
    assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Completed, 2, 1));
    let_go.send(()).unwrap();
    block_on(blocked.drain()).unwrap();
}

#[test]
fn lane_that_blocks_holds_up_nothing_that_it_has_not_begun() {
    let transport = MemoryTransport::from(TransportConfig::default());
    let (let_go, gate) = mpsc::channel();
    let gate = Arc::new(std::sync::Mutex::new(Some(gate)));
    let tasks: Vec<_> = std::iter::once("block").chain(["1"; 10]).map(task).collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    block_on(transport.submit(tasks.into_iter().map(Arc::new).collect())).unwrap();
    let config = WorkerConfig::default().with_lanes(TWO);
    let worker = Worker::new(Arc::new(transport.clone()), worker_id()).with_config(config);
    let worker = block_on(worker.start(move || Blocking { gate: Arc::clone(&gate) })).unwrap();
    // They were claimed together.
    for id in &ids[1..] {
        assert_eq!(block_on(transport.outcome(*id)).unwrap().status, TaskStatus::Completed);
    }
    // And what comes later finds the lane that is free, however often.
    for _ in 0..10 {
        let later = task("1");
        let id = later.id;
        block_on(transport.submit_one(later)).unwrap();
        assert_eq!(block_on(transport.outcome(id)).unwrap().status, TaskStatus::Completed);
    }
    assert_eq!(block_on(transport.details_of(ids[0])).unwrap().status, TaskStatus::Processing);
    let_go.send(()).unwrap();
    assert_eq!(block_on(transport.outcome(ids[0])).unwrap().status, TaskStatus::Completed);
    block_on(worker.drain()).unwrap();
}

#[test]
fn what_a_worker_has_not_begun_runs_elsewhere_while_all_its_lanes_are_blocked() {
    let lease = TransportConfig::default().with_lease(Duration::from_millis(60));
    let transport = MemoryTransport::from(lease);
    let (let_go, gate) = mpsc::channel();
    let gate = Arc::new(std::sync::Mutex::new(Some(gate)));
    let tasks = ["block", "1", "2"].map(task);
    let ids = [tasks[0].id, tasks[1].id, tasks[2].id];
    block_on(transport.submit(tasks.into_iter().map(Arc::new).collect())).unwrap();
    let config = WorkerConfig::default().with_lanes(ONE);
    let start = || {
        let worker = Worker::new(Arc::new(transport.clone()), worker_id()).with_config(config.clone());
        let gate = Arc::clone(&gate);
        block_on(worker.start(move || Blocking { gate: Arc::clone(&gate) })).unwrap()
    };
    let blocked = start();
    while gate.lock().unwrap().is_some() {
        std::thread::yield_now(); // until the lane is in it
    }
    let other = start();
    for id in &ids[1..] {
        let details = block_on(transport.outcome(*id)).unwrap();
        assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Completed, 1, 0));
    }
    assert_eq!(block_on(transport.details_of(ids[0])).unwrap().status, TaskStatus::Processing);
    let_go.send(()).unwrap();
    for worker in [blocked, other] {
        block_on(worker.drain()).unwrap();
    }
}

/// A consumer that refuses to end the task `refused` for so many times, and notes what it is asked to end.
struct Refusing {
    inner: Arc<dyn Consumer>,
    refused: TaskId,
    times: AtomicUsize,
    asked: std::sync::Mutex<Vec<TaskId>>,
}

#[async_trait]
impl Consumer for Refusing {
    fn instance(&self) -> InstanceId {
        self.inner.instance()
    }
    fn lease(&self) -> Duration {
        self.inner.lease()
    }
    async fn claim(&self, max: NonZeroUsize) -> Result<Vec<Claimed>, TransportError> {
        self.inner.claim(max).await
    }
    async fn finish(&self, done: &[Completion]) -> Vec<Result<Finished, TransportError>> {
        let mut answers = Vec::new();
        for done in done {
            self.asked.lock().unwrap().push(done.claim.task);
            let refuses = done.claim.task == self.refused
                && self
                    .times
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok();
            if refuses {
                answers.push(Err(TransportError::Protocol(Arc::new(std::fmt::Error))));
            } else {
                answers.extend(self.inner.finish(std::slice::from_ref(done)).await);
            }
        }
        answers
    }
    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        self.inner.renew().await
    }
    async fn report(&self, report: &InstanceReport) -> Result<Reported, TransportError> {
        self.inner.report(report).await
    }
    fn signals(&self) -> BoxStream<'static, Signal> {
        self.inner.signals()
    }
    async fn detach(&self) -> Result<(), TransportError> {
        self.inner.detach().await
    }
}

#[test]
fn a_task_whose_end_is_refused_delays_no_other_and_ends_later() {
    let transport = MemoryTransport::from(TransportConfig::default());
    let refused = task("refused");
    let id = refused.id;
    let consumer = Arc::new(Refusing {
        inner: transport.attach_now(&InstanceSpec::new(worker_id())),
        refused: id,
        times: AtomicUsize::new(2),
        asked: std::sync::Mutex::default(),
    });
    let others = [task("1"), task("2"), task("3")];
    let ids = [others[0].id, others[1].id, others[2].id];
    for task in [others[0].clone(), refused, others[1].clone()] {
        block_on(transport.submit_one(task)).unwrap();
    }
    let config = WorkerConfig::default().with_lanes(ONE);
    let worker = Worker::new(Arc::new(transport.clone()), worker_id()).with_config(config);
    let gate = Arc::new(std::sync::Mutex::new(None));
    let worker =
        worker.start_attached(consumer.clone(), move || Blocking { gate: Arc::clone(&gate) }).unwrap();
    block_on(transport.outcome(ids[0])).unwrap();
    block_on(transport.outcome(ids[1])).unwrap();
    block_on(transport.submit_one(others[2].clone())).unwrap();
    block_on(transport.outcome(ids[2])).unwrap();
    assert_eq!(block_on(transport.details_of(id)).unwrap().status, TaskStatus::Processing);

    assert_eq!(block_on(transport.outcome(id)).unwrap().status, TaskStatus::Completed);
    block_on(worker.drain()).unwrap();
    let asked = consumer.asked.lock().unwrap();
    for (task, times) in [(ids[0], 1), (ids[1], 1), (ids[2], 1), (id, 3)] {
        assert_eq!(
            asked.iter().filter(|asked| **asked == task).count(),
            times,
            "nothing else is written again"
        );
    }
}

#[test]
fn a_lease_is_renewed_though_giving_a_task_up_is_refused() {
    let lease = TransportConfig::default().with_lease(Duration::from_millis(90));
    let transport = MemoryTransport::from(lease);
    let (let_go, gate) = mpsc::channel();
    let gate = Arc::new(std::sync::Mutex::new(Some(gate)));
    let stuck = task("block");
    let id = stuck.id;
    let consumer = Arc::new(Refusing {
        inner: transport.attach_now(&InstanceSpec::new(worker_id())),
        refused: id,
        times: AtomicUsize::new(usize::MAX),
        asked: std::sync::Mutex::default(),
    });
    let config = WorkerConfig::default().with_lanes(ONE).with_stall_timeout(Duration::from_millis(50));
    let worker = Worker::new(Arc::new(transport.clone()), worker_id()).with_config(config);
    let worker =
        worker.start_attached(consumer.clone(), move || Blocking { gate: Arc::clone(&gate) }).unwrap();
    block_on(transport.submit_one(stuck)).unwrap();
    // Each time goes with a renewal, and ten of them last for several leases.
    while consumer.asked.lock().unwrap().len() < 10 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(block_on(transport.details_of(id)).unwrap().deaths, 0, "its instance lives");
    let_go.send(()).unwrap();
    drop(worker); // it would wait for that task
}

#[test]
fn quarantined_task_expires_while_it_waits_for_another_group() {
    let clock = ManualClock::new();
    let config = TransportConfig::default().with_observation(Duration::from_secs(60 * 60));
    let config = MemoryConfig::default().with_transport(config).with_clock(Arc::new(clock.clone()));
    let transport = MemoryTransport::new(config);
    let doomed = transport.attach_now(&InstanceSpec::new(worker_id()));
    let (observed, mut expiring) = (task("observed"), task("expiring"));
    expiring.expires_in = Some(Duration::from_secs(1));
    let running = vec![observed.id, expiring.id];
    for quarantined in [observed, expiring] {
        block_on(transport.submit_one(quarantined)).unwrap();
        block_on(doomed.claim(ONE)).unwrap();
    }
    let report =
        CrashReport { worker_id: worker_id(), instance: doomed.instance(), running: running.clone() };
    let requeued = block_on(transport.report_crash(&report)).unwrap();
    assert_eq!(requeued, Requeued { released: 0, blamed: 2 });

    let survivor = transport.attach_now(&InstanceSpec::new(worker_id()));
    assert_eq!(block_on(survivor.claim(ONE)).unwrap()[0].claim.task, running[0]);
    clock.advance(Duration::from_secs(2));
    assert_eq!(block_on(transport.details_of(running[1])).unwrap().status, TaskStatus::Cancelled);
    assert_eq!(block_on(transport.queues()).unwrap()[0].waiting(), 0);
}

#[test]
fn ten_thousand_lost_tasks_are_claimed_at_once() {
    const MANY: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
    let clock = ManualClock::new();
    let transport = MemoryTransport::new(MemoryConfig::default().with_clock(Arc::new(clock.clone())));
    let doomed = transport.attach_now(&InstanceSpec::new(worker_id()));
    let tasks = (0..MANY.get()).map(|_| Arc::new(task("1"))).collect();
    block_on(transport.submit(tasks)).unwrap();
    assert_eq!(block_on(doomed.claim(MANY)).unwrap().len(), MANY.get());
    drop(doomed);
    clock.advance(Duration::from_secs(3));
    let survivor = transport.attach_now(&InstanceSpec::new(worker_id()));
    let claimed = block_on(survivor.claim(MANY)).unwrap();
    assert_eq!(claimed.len(), MANY.get());
    assert!(claimed.iter().all(|claimed| claimed.deaths == 1));
}

#[test]
fn instance_is_told_once_however_often_a_task_is_cancelled() {
    let transport = MemoryTransport::from(TransportConfig::default());
    let consumer = transport.attach_now(&InstanceSpec::new(worker_id()));
    let running = task("1");
    let id = running.id;
    block_on(transport.submit_one(running)).unwrap();
    let claim = block_on(consumer.claim(ONE)).unwrap()[0].claim;
    for _ in 0..100 {
        block_on(transport.cancel_one(id, CancelReason::Asked)).unwrap();
    }
    let mut signals = consumer.signals();
    assert_eq!(signals.next().now_or_never(), Some(Some(Signal::Cancel(claim, CancelReason::Asked))));
    assert_eq!(signals.next().now_or_never(), None);
}

/// Runs each task until it is stopped.
struct Endless;

impl Handler for Endless {
    fn poll_ready(&self, _cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        Poll::Ready(TWO)
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        async move {
            poll_fn(|cx| run.stop.poll_stopped(cx)).await;
            Ran::Stopped(TaskLog::new())
        }
        .boxed_local()
    }
}

#[test]
fn drained_worker_counts_what_it_released() {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
    block_on(async {
        let config = WorkerConfig::default().with_lanes(ONE).with_grace(Duration::ZERO);
        let worker = Worker::new(Arc::clone(&transport), worker_id()).with_config(config);
        let running = worker.start(|| Endless).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(transport.submit_one(task("endless")).await.unwrap().task_id());
        }
        while transport.queue(&worker_id()).await.unwrap().claimed < 3 {
            std::thread::yield_now();
        }
        let drained = running.drain().await.unwrap();
        assert_eq!((drained.released, drained.abandoned), (3, 0));
        for id in ids {
            let details = transport.details_of(id).await.unwrap();
            assert_eq!((details.status, details.delivery), (TaskStatus::Pending, 0));
        }
    });
}
