//! A worker with methods, in memory.
#![allow(dead_code, reason = "each test file uses a part")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rhai_dispatcher_core::{
    Dispatcher, DispatcherConfig, PlayRequestBuilder, RunningWorker, TaskDetails, TaskError, Transport,
    Worker, WorkerConfig, WorkerId,
};
use rhai_dispatcher_engine::EngineConfig;
use rhai_dispatcher_handlers::{CallHandler, Handlers};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};
use serde::Serialize;

pub(crate) struct Bench {
    pub(crate) dispatcher: Dispatcher,
    /// Dropped last.
    running: RunningWorker,
}

impl Bench {
    pub(crate) fn new(handlers: Handlers) -> Self {
        Self::with(EngineConfig::new(), handlers)
    }

    /// With two lanes.
    pub(crate) fn with(engine: EngineConfig, handlers: Handlers) -> Self {
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
        let lanes = NonZeroUsize::new(2).expect("above zero");
        let worker = Worker::new(Arc::clone(&transport), WorkerId::try_from("worker-1").expect("a name"))
            .with_config(WorkerConfig::default().with_lanes(lanes));
        let running = block_on(worker.start(move || CallHandler::new(&engine, handlers.clone())));
        let dispatcher = Dispatcher::new(transport, DispatcherConfig::new("caller-1").expect("a name"));
        Self { dispatcher, running: running.expect("it starts") }
    }

    pub(crate) fn request(&self, method: &str, params: impl Serialize) -> PlayRequestBuilder {
        self.dispatcher.call(method).worker_id("worker-1").params(params).timeout(Duration::from_secs(60))
    }

    pub(crate) fn call(&self, method: &str, params: impl Serialize) -> TaskDetails {
        let request = self.request(method, params);
        block_on(async { request.await }).expect("an outcome")
    }

    /// The result as JSON text.
    pub(crate) fn value(&self, method: &str, params: impl Serialize) -> String {
        let details = self.call(method, params);
        match &details.output {
            Some(output) => output.as_json().to_string(),
            None => panic!("{method}: {:?}", details.error),
        }
    }

    pub(crate) fn error(&self, method: &str, params: impl Serialize) -> TaskError {
        let details = self.call(method, params);
        details.error.unwrap_or_else(|| panic!("{method}: {:?}", details.output))
    }
}

/// How long a test waits for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, and returns how long that took.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    began.elapsed()
}
