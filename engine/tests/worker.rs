//! Requests on a real worker: its own thread, answers from other threads, and its shutdown.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, mpsc};

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::{FutureExt, future};
use rhai_dispatcher_core::{
    Payload, RunningWorker, Task, TaskDetails, TaskId, TaskStatus, Transport, Worker, WorkerConfig, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

/// What lets the calls of `gated(n)` continue, in the order in which they began.
type Gates = mpsc::Receiver<(i64, oneshot::Sender<i64>)>;

fn worker() -> (Arc<dyn Transport>, RunningWorker, Gates) {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
    let (begun, gates) = mpsc::channel();
    let begun = Mutex::new(begun);
    let config = EngineConfig::new().with_async_fn("gated", move |n: i64| {
        let (open, opened) = oneshot::channel();
        begun.lock().unwrap().send((n, open)).unwrap();
        opened
    });
    let lanes = WorkerConfig::default().with_lanes(NonZeroUsize::MIN);
    let worker = Worker::new(Arc::clone(&transport), worker_id()).with_config(lanes);
    let worker = block_on(worker.start(move || RhaiHandler::new(&config))).unwrap();
    (transport, worker, gates)
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").unwrap()
}

fn submit(transport: &Arc<dyn Transport>, script: &str) -> TaskId {
    let task = Task::new(worker_id(), Payload::script(script), "caller-1");
    let id = task.id;
    block_on(transport.submit(vec![task.into()])).unwrap().remove(0).unwrap();
    id
}

fn details(transport: &Arc<dyn Transport>, id: TaskId) -> TaskDetails {
    block_on(transport.details(&[id])).unwrap().remove(0).unwrap()
}

#[test]
fn answers_come_from_other_threads() {
    let (transport, worker, gates) = worker();
    let ids: Vec<_> = (0..100)
        .map(|n| submit(&transport, &format!("gated({n}) + await_result(gated_async({n}), 60)")))
        .collect();
    std::thread::spawn(move || {
        while let Ok((n, open)) = gates.recv() {
            open.send(n).unwrap();
        }
    });
    for (n, id) in ids.into_iter().enumerate() {
        let details = block_on(transport.outcome(id)).unwrap();
        assert_eq!(details.output.unwrap().to::<usize>().unwrap(), 2 * n);
    }
    block_on(worker.drain()).unwrap();
}

#[test]
fn a_worker_that_drains_waits_for_requests_that_were_left_behind() {
    let (transport, worker, gates) = worker();
    let id = submit(&transport, "gated_async(5); 7");
    let (n, open) = gates.recv().unwrap();
    let mut drained = Box::pin(worker.drain());
    assert!((&mut drained).now_or_never().is_none());
    assert_eq!(details(&transport, id).status, TaskStatus::Processing);
    let (drained, ()) = block_on(future::join(drained, async { open.send(n).unwrap() }));
    drained.unwrap();
    let details = details(&transport, id);
    assert_eq!(details.status, TaskStatus::Completed);
    assert_eq!(details.output.unwrap().to_string(), "7");
    assert_eq!(details.log.lines()[0].text, "request 1 (`gated`) completed: 5");
}
