use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{FutureExt, Shared};
use rhai_dispatcher::dispatcher::HandlerStatus;
use rhai_dispatcher::handlers::MethodHandler;
use rhai_dispatcher::worker::RunningWorker;
use rhai_dispatcher::{RhaiDispatcher, RhaiWorker, RhaiWorkerBuilder};
use rhai_dispatcher_test_redis::RedisServer;

/// How long a test waits for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store, and a client of it.
pub(crate) struct Store {
    pub(crate) url: String,
    pub(crate) client: RhaiDispatcher,
    _server: Option<RedisServer>,
}

/// Runs a case over memory and over Redis.
pub(crate) fn on_each(case: impl Fn(&Store)) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("memory:discovery-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    case(&Store::new(name, None));
    let server = RedisServer::start();
    case(&Store::new(server.url(), Some(server)));
}

impl Store {
    fn new(url: String, server: Option<RedisServer>) -> Self {
        let client = RhaiDispatcher::builder().caller_id("test").url(&url).build().unwrap();
        Self { url, client, _server: server }
    }

    /// A worker of one thread, not built yet.
    pub(crate) fn builder(&self, worker_id: &str) -> RhaiWorkerBuilder {
        RhaiWorker::builder(worker_id).url(&self.url).threads(1)
    }

    pub(crate) fn worker(&self, worker_id: &str, handler: MethodHandler) -> RunningWorker {
        start(self.builder(worker_id).handler(handler))
    }

    pub(crate) fn handlers(&self) -> Vec<HandlerStatus> {
        block_on(self.client.get_handlers()).unwrap()
    }

    /// The handlers, once they are as they should be.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&[HandlerStatus]) -> bool) -> Vec<HandlerStatus> {
        let start = Instant::now();
        loop {
            let handlers = self.handlers();
            if is_so(&handlers) {
                return handlers;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: {handlers:#?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

pub(crate) fn start(worker: RhaiWorkerBuilder) -> RunningWorker {
    block_on(worker.build().unwrap().start()).unwrap()
}

pub(crate) fn drain(workers: impl IntoIterator<Item = RunningWorker>) {
    for worker in workers {
        block_on(worker.drain()).unwrap();
    }
}

/// Opens when its sender is dropped.
pub(crate) type Gate = Shared<oneshot::Receiver<()>>;

pub(crate) fn gate() -> (oneshot::Sender<()>, Gate) {
    let (open, gate) = oneshot::channel();
    (open, gate.shared())
}

/// Methods `NAME.double`, which fails on odd numbers below zero, and `NAME.wait`, which waits for the gate.
pub(crate) fn numbers(name: &str, gate: &Gate) -> MethodHandler {
    let gate = gate.clone();
    MethodHandler::new(name)
        .with_description("Numbers.")
        .with_threads(0)
        .with_method("double", |(number,): (i64,)| async move {
            if number < 0 { Err("it is below zero") } else { Ok(number * 2) }
        })
        .with_method_description("double", "Doubles a number.")
        .with_method("wait", move || {
            let gate = gate.clone();
            async move {
                let _ = gate.await;
                Ok::<_, String>(())
            }
        })
}
