use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "handlers")]
use rhai_dispatcher_core::{Dispatcher, DispatcherConfig};
use rhai_dispatcher_core::{
    FiguresConfig, Invalid, RunningTasks, TaskTracer, Transport, TransportUrl, Worker, WorkerConfig,
    WorkerHealth, WorkerId,
};
use rhai_dispatcher_engine::EngineConfig;
#[cfg(feature = "handlers")]
use rhai_dispatcher_handlers::{FolderConfig, Handlers, MethodHandler, ScriptFolder};
#[cfg(feature = "redis")]
use rhai_dispatcher_redis::Durability;
use rhai_dispatcher_supervision::CrashRecovery;
#[cfg(feature = "redis")]
use rhai_dispatcher_tokio_bridge::TokioBridge;

use super::RhaiWorker;
use crate::RhaiDispatcherError;
use crate::transport::settings::{TransportSettings, setters, transport_settings};
use crate::transport::transport_choice::TransportChoice;

/// Makes a [`RhaiWorker`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct RhaiWorkerBuilder {
    worker_id: Arc<str>,
    url: Option<TransportUrl>,
    settings: TransportSettings,
    transport: Option<Arc<dyn Transport>>,
    threads: Option<usize>,
    config: WorkerConfig,
    engine: EngineConfig,
    dispatch: bool,
    crash_file: Option<PathBuf>,
    running_tasks: Option<Arc<dyn RunningTasks>>,
    tracer: Option<Arc<dyn TaskTracer>>,
    health: WorkerHealth,
    #[cfg(feature = "handlers")]
    handlers: Vec<MethodHandler>,
    #[cfg(feature = "handlers")]
    handlers_folder: Option<(PathBuf, FolderConfig)>,
}

impl RhaiWorkerBuilder {
    fn new(worker_id: Arc<str>) -> Self {
        Self {
            worker_id,
            url: None,
            settings: TransportSettings::default(),
            transport: None,
            threads: None,
            config: WorkerConfig::default(),
            engine: EngineConfig::default(),
            dispatch: true,
            crash_file: None,
            running_tasks: None,
            tracer: None,
            health: WorkerHealth::default(),
            #[cfg(feature = "handlers")]
            handlers: Vec::new(),
            #[cfg(feature = "handlers")]
            handlers_folder: None,
        }
    }

    /// Where its tasks come from; see [`RhaiDispatcherBuilder::url`](crate::RhaiDispatcherBuilder::url).
    pub fn url(mut self, url: impl Into<TransportUrl>) -> Self {
        self.url = Some(url.into());
        self
    }

    transport_settings!(setters);

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

    /// How long a thread may be busy with one task until its tasks are given up, because something blocks it.
    /// Default: 30 s.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.config.stall_timeout = timeout;
        self
    }

    /// What the worker announces of its methods and counts of their calls. Default: [`FiguresConfig::default`].
    pub fn figures(mut self, figures: FiguresConfig) -> Self {
        self.config.figures = figures;
        self
    }

    /// Whether the ends of its runs are logged in the [activity](crate::activity) of its worker id. Default: yes.
    pub fn activity(mut self, activity: bool) -> Self {
        self.config.activity = activity;
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

    /// Names a file on a local disk in which the worker notes what its threads run, so that the crash of its process
    /// costs little: when the worker starts the next time with the same file, it reports the crash to the transport.
    /// Then only the tasks that were on a processor are quarantined, and all others run again at once. Without such a
    /// file, or until that start, they run again when the lease of the dead worker is over.
    ///
    /// The file is made if there is none. Each worker needs one of its own; to start with a file that another worker
    /// uses is an error of kind [`WorkerError::CrashFile`], as is one that can't be opened or written. A file that is
    /// not a crash file of this version is renamed to the same name with `.rejected` behind it. While the worker lives no
    /// other program may shorten the file. Default: none.
    pub fn crash_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.crash_file = Some(path.into());
        self
    }

    /// Sets where its threads note the tasks that they run, instead of a [crash file](Self::crash_file), for a process
    /// with a supervisor.
    pub fn running_tasks(mut self, running_tasks: Arc<dyn RunningTasks>) -> Self {
        self.running_tasks = Some(running_tasks);
        self
    }

    /// Sets what takes part in the traces of its tasks, such as `OpenTelemetry` of the feature `opentelemetry`. Default:
    /// none; tasks then pass on the trace context that they were submitted with.
    pub fn tracer(mut self, tracer: Arc<dyn TaskTracer>) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// Sets what is told how the worker does, for a health check of the program. Default: nothing is told.
    pub fn health(mut self, health: WorkerHealth) -> Self {
        self.health = health;
        self
    }

    /// Registers a handler, whose methods tasks can [call](crate::RhaiDispatcher::call) beside scripts.
    #[cfg(feature = "handlers")]
    pub fn handler(mut self, handler: MethodHandler) -> Self {
        self.handlers.push(handler);
        self
    }

    /// Makes the public functions of the scripts in a folder methods: `fn charge(cents)` in `billing.rhai` is
    /// `billing.charge`. While the worker runs, a file that changes is read again. See
    /// [`ScriptFolder`](crate::handlers::ScriptFolder).
    #[cfg(feature = "handlers")]
    pub fn handlers_folder(self, folder: impl Into<PathBuf>) -> Self {
        self.handlers_folder_config(folder, FolderConfig::default())
    }

    /// The same, with limits and times of its own.
    #[cfg(feature = "handlers")]
    pub fn handlers_folder_config(mut self, folder: impl Into<PathBuf>, config: FolderConfig) -> Self {
        self.handlers_folder = Some((folder.into(), config));
        self
    }

    /// Checks the settings, and reads the folder of handlers. Nothing is connected yet.
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
        let transport = match TransportChoice::of(
            self.url.as_ref().map(TransportUrl::as_str),
            self.transport,
            self.settings,
        )? {
            TransportChoice::Shared(transport) => transport,
            #[cfg(feature = "memory")]
            TransportChoice::Private(_) => {
                let problem = "memory: is private to one dispatcher, which has a worker of its own";
                return Err(Invalid::new("url", problem, "use memory:NAME on both sides").into());
            }
        };
        let engine = match self.dispatch {
            true => self.engine.with_dispatch(Arc::clone(&transport)),
            false => self.engine,
        };
        #[cfg(feature = "handlers")]
        let handlers = {
            let folder = self.handlers_folder.map(|(path, config)| ScriptFolder::open(path, config, &engine));
            let folder = folder.transpose()?;
            let is_any = !self.handlers.is_empty() || folder.is_some();
            is_any.then(|| Handlers::new(self.handlers, folder)).transpose()?
        };
        let lanes = self.config.lanes.get();
        let mut worker = Worker::new(Arc::clone(&transport), worker_id);
        worker = worker.with_config(self.config).with_health(self.health);
        #[cfg(feature = "handlers")]
        let methods = {
            let reads = Dispatcher::new(Arc::clone(&transport), DispatcherConfig::new("handlers")?);
            let methods = handlers.clone().unwrap_or_default().with_built_in(&reads)?;
            worker = worker.with_methods(Arc::new(methods.clone()));
            methods
        };
        if let Some(tracer) = self.tracer {
            worker = worker.with_tracer(tracer);
        }
        let recovery = match (self.crash_file, self.running_tasks) {
            (Some(path), None) => Some(CrashRecovery::new(path, lanes, transport)?),
            (None, Some(running_tasks)) => {
                worker = worker.with_running_tasks(running_tasks);
                None
            }
            (None, None) => None,
            (Some(_), Some(_)) => {
                let problem = "is given beside running_tasks";
                return Err(Invalid::new("crash_file", problem, "give one of them").into());
            }
        };
        Ok(RhaiWorker {
            worker,
            engine,
            recovery,
            #[cfg(feature = "handlers")]
            handlers,
            #[cfg(feature = "handlers")]
            methods,
        })
    }
}

impl RhaiWorker {
    /// Begins to set up a worker that serves `worker_id`.
    pub fn builder(worker_id: impl Into<Arc<str>>) -> RhaiWorkerBuilder {
        RhaiWorkerBuilder::new(worker_id.into())
    }
}
