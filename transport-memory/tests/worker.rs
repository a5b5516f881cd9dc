//! The worker over this transport: what a blocked lane, a flaky store or a hostile caller must not do.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use futures::future::LocalBoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use rhai_dispatcher_core::{
    CancelReason, Claim, Claimed, Clock, Completion, Consumer, Finish, Finished, Handler, InstanceId,
    InstanceSpec, Json, ManualClock, Outcome, Output, Payload, Ran, Run, Signal, Task, TaskLog, TaskStatus,
    Transport, TransportConfig, TransportError, TransportExt, Worker, WorkerConfig, WorkerId,
};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

const ONE: NonZeroUsize = NonZeroUsize::MIN;

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
        Poll::Ready(ONE)
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        let gate = Arc::clone(&self.gate);
        async move {
            if &**run.claimed.task.payload.source() == "block" {
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
    async fn finish(&self, done: &[Completion]) -> Result<Vec<Finished>, TransportError> {
        let gives_up = done.iter().any(|done| done.finish == Finish::Abandon);
        if gives_up && !self.failed.swap(true, Ordering::Relaxed) {
            return Err(TransportError::Unavailable(Arc::new(std::fmt::Error)));
        }
        self.inner.finish(done).await
    }
    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        self.inner.renew().await
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
fn suspect_that_expires_while_room_is_made_for_it_holds_nobody_up() {
    let clock = ManualClock::new();
    let second = Duration::from_secs(1);
    let transport = MemoryTransport::new(MemoryConfig::default().with_clock(Arc::new(clock.clone())));
    let dead = transport.attach_now(&InstanceSpec::new(worker_id()));
    let busy = transport.attach_now(&InstanceSpec::new(worker_id()));
    let mut suspect = task("suspect");
    suspect.expires_at = Some(clock.wall() + 100 * second + Duration::from_millis(5));
    let id = suspect.id;
    block_on(transport.submit_one(suspect)).unwrap();
    assert_eq!(block_on(dead.claim(ONE)).unwrap().len(), 1);
    block_on(transport.submit_one(task("long"))).unwrap();
    assert_eq!(block_on(busy.claim(ONE)).unwrap().len(), 1);
    for _ in 0..3 {
        clock.advance(second);
        block_on(busy.renew()).unwrap();
    }
    assert!(busy.claim(ONE).now_or_never().is_none(), "it makes room for the suspect");

    // One that expires a moment earlier sets the next look to after the suspect's own end.
    let mut first = task("first");
    first.expires_at = Some(clock.wall() + 97 * second);
    block_on(transport.submit_one(first)).unwrap();
    for _ in 0..97 {
        clock.advance(second);
        block_on(busy.renew()).unwrap();
    }
    clock.advance(Duration::from_millis(6));
    assert!(busy.claim(ONE).now_or_never().is_none(), "there is nothing to claim");
    assert_eq!(block_on(transport.details_of(id)).unwrap().status, TaskStatus::Cancelled);
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
