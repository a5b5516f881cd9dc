use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{
    Drained, Invalid, RunningWorker, Transport, Worker, WorkerConfig, WorkerError, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};

use crate::RhaiDispatcherError;
use crate::url::Target;

/// Serves a worker id with the Rhai engine: each of its threads runs many scripts at once.
///
/// ```
/// use rhai_dispatcher::RhaiWorker;
///
/// # fn main() -> Result<(), rhai_dispatcher::RhaiDispatcherError> {
/// let worker = RhaiWorker::builder("worker-1").url("memory:jobs").threads(2).build()?;
/// let shutdown = async { /* until ctrl-c, say */ };
/// futures::executor::block_on(worker.run(shutdown)).expect("it drained");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RhaiWorker {
    worker: Worker,
    engine: EngineConfig,
}

/// Makes a [`RhaiWorker`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct RhaiWorkerBuilder {
    worker_id: Arc<str>,
    url: Option<String>,
    prefix: Option<String>,
    transport: Option<Arc<dyn Transport>>,
    threads: Option<usize>,
    config: WorkerConfig,
    engine: EngineConfig,
    dispatch: bool,
}

impl RhaiWorker {
    /// Begins to set up a worker that serves `worker_id`.
    pub fn builder(worker_id: impl Into<Arc<str>>) -> RhaiWorkerBuilder {
        RhaiWorkerBuilder {
            worker_id: worker_id.into(),
            url: None,
            prefix: None,
            transport: None,
            threads: None,
            config: WorkerConfig::default(),
            engine: EngineConfig::default(),
            dispatch: true,
        }
    }

    /// Serves until `shutdown` resolves, then drains; see [`Worker::run`].
    ///
    /// # Errors
    /// See [`Worker::run`].
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Drained, WorkerError> {
        let Self { worker, engine } = self;
        worker.run(move || RhaiHandler::new(&engine), shutdown).await
    }

    /// Serves on threads of its own until the answer is drained or dropped; see
    /// [`Worker::start`].
    ///
    /// # Errors
    /// See [`Worker::start`].
    pub async fn start(self) -> Result<RunningWorker, WorkerError> {
        let Self { worker, engine } = self;
        worker.start(move || RhaiHandler::new(&engine)).await
    }
}

impl RhaiWorkerBuilder {
    /// Where its tasks come from; see [`RhaiDispatcherBuilder::url`](crate::RhaiDispatcherBuilder::url).
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// What all keys in Redis begin with. Default: `rhailib`. Those who share it share their queues.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Uses a transport that was made elsewhere, instead of a URL.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How many threads run scripts; above zero. Default: as many as the machine runs at once.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How long running scripts get to end once the worker shuts down. Default: 10 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.config.grace = grace;
        self
    }

    /// How scripts are run.
    pub fn engine(mut self, engine: EngineConfig) -> Self {
        self.engine = engine;
        self
    }

    /// Whether its scripts may send tasks to workers, over the transport that theirs come from; see
    /// [`EngineConfig::with_dispatch`]. Default: yes.
    pub fn dispatch(mut self, dispatch: bool) -> Self {
        self.dispatch = dispatch;
        self
    }

    /// Checks what was set. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Invalid`](RhaiDispatcherError::Invalid) naming the setter, or
    /// [`Unsupported`](RhaiDispatcherError::Unsupported).
    pub fn build(mut self) -> Result<RhaiWorker, RhaiDispatcherError> {
        let worker_id = WorkerId::try_from(self.worker_id)?;
        self.engine.check()?;
        if let Some(threads) = self.threads {
            self.config.lanes = NonZeroUsize::new(threads)
                .ok_or_else(|| Invalid::new("threads", "is zero", "give at least 1"))?;
        }
        let transport = match (self.url, self.transport) {
            (Some(url), None) => match Target::parse(&url, self.prefix.as_deref())? {
                Target::Shared(transport) => transport,
                #[cfg(feature = "memory")]
                Target::Private => {
                    let problem = "memory: is private to one dispatcher, which has workers of its own";
                    return Err(Invalid::new("url", problem, "use memory:NAME on both sides").into());
                }
            },
            (None, Some(transport)) => transport,
            (None, None) => {
                return Err(
                    Invalid::new("url", "is missing", "say where tasks come from with url(...)").into()
                );
            }
            (Some(_), Some(_)) => {
                return Err(Invalid::new("url", "is given beside a transport", "give one of them").into());
            }
        };
        let engine = match self.dispatch {
            true => self.engine.with_dispatch(Arc::clone(&transport)),
            false => self.engine,
        };
        let worker = Worker::new(transport, worker_id).with_config(self.config);
        Ok(RhaiWorker { worker, engine })
    }
}
