use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "handlers")]
use rhai_dispatcher_core::Invalid;
use rhai_dispatcher_core::{
    InstanceSpec, ManualClock, RunningWorker, TaskId, Transport, TransportConfig, Worker, WorkerConfig,
    WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};
#[cfg(feature = "handlers")]
use rhai_dispatcher_handlers::{CallHandler, Handlers, MethodHandler};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

use super::TestHarness;
use crate::{RhaiDispatcher, RhaiDispatcherError};

/// Makes a [`TestHarness`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct TestHarnessBuilder {
    engine: EngineConfig,
    transport: TransportConfig,
    threads: NonZeroUsize,
    has_worker: bool,
    #[cfg(feature = "handlers")]
    handlers: Option<Handlers>,
    #[cfg(feature = "handlers")]
    of_functions: Vec<MethodHandler>,
}

/// The lease of a harness. Each advance stops at every third of it, so a longer one makes long advances quicker.
const LEASE: Duration = Duration::from_secs(60);

impl TestHarnessBuilder {
    fn new() -> Self {
        Self {
            engine: EngineConfig::default(),
            transport: TransportConfig::default().with_lease(LEASE),
            threads: NonZeroUsize::MIN,
            has_worker: true,
            #[cfg(feature = "handlers")]
            handlers: None,
            #[cfg(feature = "handlers")]
            of_functions: Vec::new(),
        }
    }

    /// How scripts are checked and run.
    pub fn engine(mut self, engine: EngineConfig) -> Self {
        self.engine = engine;
        self
    }

    /// The settings of the hub. Default: those of every transport, with a lease of 60 s.
    pub fn transport(mut self, config: TransportConfig) -> Self {
        self.transport = config;
        self
    }

    /// How many threads run scripts. Default: 1, so that scripts run in the same order in each run.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads;
        self
    }

    /// Starts no worker. The test starts its own with [`TestHarness::url`]; tasks for other worker ids wait.
    pub fn without_worker(mut self) -> Self {
        self.has_worker = false;
        self
    }

    /// Methods that the worker has beside scripts. A folder among them is read once, unless the test watches it.
    #[cfg(feature = "handlers")]
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.handlers = Some(handlers);
        self
    }

    /// Registers a handler, whose methods the worker has beside scripts; may be repeated. Not beside
    /// [`handlers`](Self::handlers).
    #[cfg(feature = "handlers")]
    pub fn handler(mut self, handler: MethodHandler) -> Self {
        self.of_functions.push(handler);
        self
    }

    /// Makes the hub, and starts the worker.
    ///
    /// # Errors
    /// [`Invalid`](RhaiDispatcherError::Invalid) for settings that do not go together;
    /// [`Unavailable`](RhaiDispatcherError::Unavailable) if the system has no thread for the worker.
    #[cfg_attr(not(feature = "handlers"), expect(unused_mut, reason = "only handlers are built here"))]
    pub fn build(mut self) -> Result<TestHarness, RhaiDispatcherError> {
        self.engine.check()?;
        #[cfg(feature = "handlers")]
        if !self.of_functions.is_empty() {
            if self.handlers.is_some() {
                let hint = "give all of them to Handlers::new, or each with handler(...)";
                return Err(Invalid::new("handler", "is given beside handlers", hint).into());
            }
            self.handlers = Some(Handlers::new(std::mem::take(&mut self.of_functions), None)?);
        }
        let clock = ManualClock::new();
        let config = MemoryConfig::default()
            .with_transport(self.transport.clone())
            .with_any_worker(self.has_worker)
            .with_clock(Arc::new(clock.clone()));
        let hub = format!("test-{}", TaskId::new().as_uuid().simple());
        let memory = MemoryTransport::named(&hub, config);
        let transport: Arc<dyn Transport> = Arc::new(memory.clone());
        let worker = match self.has_worker {
            true => Some(self.start_worker(&memory)?),
            false => None,
        };
        let builder = RhaiDispatcher::builder().caller_id("test").transport(Arc::clone(&transport));
        let dispatcher = builder.engine(self.engine).build()?;
        Ok(TestHarness { clock, transport, dispatcher, url: format!("memory:{hub}"), worker })
    }

    fn start_worker(&self, memory: &MemoryTransport) -> Result<RunningWorker, RhaiDispatcherError> {
        let transport: Arc<dyn Transport> = Arc::new(memory.clone());
        let worker_id = WorkerId::try_from("harness")?;
        let consumer = memory.attach_now(&InstanceSpec::new(worker_id.clone()));
        let engine = self.engine.clone().with_dispatch(Arc::clone(&transport));
        let config = WorkerConfig::default().with_lanes(self.threads);
        let worker = Worker::new(transport, worker_id).with_config(config);
        #[cfg(feature = "handlers")]
        if let Some(handlers) = self.handlers.clone() {
            let started =
                worker.start_attached(consumer, move || CallHandler::new(&engine, handlers.clone()));
            return started.map_err(|error| RhaiDispatcherError::Unavailable(Arc::new(error)));
        }
        let worker = worker.start_attached(consumer, move || RhaiHandler::new(&engine));
        worker.map_err(|error| RhaiDispatcherError::Unavailable(Arc::new(error)))
    }
}

impl TestHarness {
    /// A harness with the default settings.
    ///
    /// # Panics
    /// If the system has no thread for the worker.
    #[expect(clippy::new_without_default, reason = "it starts threads")]
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().expect("the system gives a thread to the worker of a test")
    }

    /// Begins to set up a harness.
    pub fn builder() -> TestHarnessBuilder {
        TestHarnessBuilder::new()
    }
}
