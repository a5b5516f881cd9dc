#[cfg(feature = "redis")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "memory")]
use rhai_dispatcher_core::TransportConfig;
use rhai_dispatcher_core::{Dispatcher, DispatcherConfig, Invalid, TraceSource, Transport, TransportUrl};
#[cfg(feature = "engine")]
use rhai_dispatcher_engine::{EngineConfig, ScriptChecker};
#[cfg(feature = "redis")]
use rhai_dispatcher_redis::Durability;
#[cfg(feature = "redis")]
use rhai_dispatcher_tokio_bridge::TokioBridge;

use super::RhaiDispatcher;
use crate::RhaiDispatcherError;
use crate::transport::settings::{TransportSettings, setters, transport_settings};
use crate::transport::transport_choice::TransportChoice;

/// Makes a [`RhaiDispatcher`].
///
/// ```
/// use rhai_dispatcher::RhaiDispatcherBuilder;
///
/// # fn main() -> Result<(), rhai_dispatcher::RhaiDispatcherError> {
/// let client = RhaiDispatcherBuilder::new().caller_id("my-app").url("memory:").build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it builds"]
pub struct RhaiDispatcherBuilder {
    caller_id: Option<Arc<str>>,
    url: Option<TransportUrl>,
    transport: Option<Arc<dyn Transport>>,
    settings: TransportSettings,
    default_timeout: Option<Duration>,
    inspect_timeout: Option<Duration>,
    max_depth: Option<u32>,
    max_script_bytes: Option<usize>,
    max_args_bytes: Option<usize>,
    max_blocking_threads: Option<usize>,
    trace_source: Option<Arc<dyn TraceSource>>,
    #[cfg(feature = "engine")]
    engine: EngineConfig,
}

impl RhaiDispatcherBuilder {
    /// A builder in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of the program that submits. Scripts see it as `caller_id`. Required.
    pub fn caller_id(mut self, caller_id: impl Into<Arc<str>>) -> Self {
        self.caller_id = Some(caller_id.into());
        self
    }

    /// Where the tasks go. This, or a [`transport`](Self::transport), is required.
    /// - `memory:`: a worker in this process that serves any worker id, for this dispatcher only;
    /// - `memory:NAME`: the hub of that name in this process, served by [`RhaiWorker`](crate::RhaiWorker)s with the
    ///   same URL;
    /// - `redis://[user[:password]@]host[:port][/database]` or `redis+unix:///path/to/socket`: a Redis server, served
    ///   by workers in any process; `rediss://…` over TLS;
    /// - `redis-sentinel://[user[:password]@]host[:port][,host[:port]…]/master[/database]`: the server that Sentinels name;
    ///   `rediss-sentinel://…` over TLS;
    /// - `redis-cluster://[user[:password]@]host[:port][,host[:port]…]`: the Redis Cluster that these servers are of;
    ///   `rediss-cluster://…` over TLS;
    /// - these with `?protocol=list`: workers that know only the list protocol, which has scripts with a caller and a
    ///   context, their status and their outcome, and nothing else.
    ///
    /// The settings of a transport, from [`lease`](Self::lease) on, can stand in the URL by the same names:
    /// `redis://host/?prefix=shop&call_timeout=2s&durability=replicas:1:500ms`. One that stands in both is an error.
    pub fn url(mut self, url: impl Into<TransportUrl>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The same as [`url`](Self::url): takes any URL, also one of `memory:`.
    pub fn redis_url(self, url: impl Into<TransportUrl>) -> Self {
        self.url(url)
    }

    /// Uses a transport that was made elsewhere, instead of a URL.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How long a request waits for its answer unless it sets a timeout; above zero. Default: 30 s.
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.default_timeout = Some(timeout);
        self
    }

    /// How long [`inspect`](RhaiDispatcher::inspect) waits for the answer of a worker; above zero. Default: 1 s.
    pub fn inspect_timeout(mut self, timeout: Duration) -> Self {
        self.inspect_timeout = Some(timeout);
        self
    }

    /// How many tasks may be above a task, each dispatched by the next. Default: 16.
    pub fn max_depth(mut self, max_depth: u32) -> Self {
        self.max_depth = Some(max_depth);
        self
    }

    /// The longest script, in bytes. Default: that of [`engine`](Self::engine), 256 KiB.
    pub fn max_script_bytes(mut self, bytes: usize) -> Self {
        self.max_script_bytes = Some(bytes);
        self
    }

    /// The largest args, in bytes of JSON. Default: 1 MiB.
    pub fn max_args_bytes(mut self, bytes: usize) -> Self {
        self.max_args_bytes = Some(bytes);
        self
    }

    /// How many threads check scripts and read files at once; above zero. Default: 4.
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.max_blocking_threads = Some(threads);
        self
    }

    /// What knows the trace that a request belongs to, such as `OpenTelemetry` of the feature `opentelemetry`. Default:
    /// nothing; a request then has the trace that it is given by
    /// [`traceparent`](crate::PlayRequestBuilder::traceparent).
    pub fn trace_source(mut self, source: Arc<dyn TraceSource>) -> Self {
        self.trace_source = Some(source);
        self
    }

    /// How scripts are checked before they are queued, and run by the worker of `memory:`.
    #[cfg(feature = "engine")]
    pub fn engine(mut self, engine: EngineConfig) -> Self {
        self.engine = engine;
        self
    }

    transport_settings!(setters);

    /// Checks the settings. Nothing is connected yet; the first call does that. For `memory:` it starts the worker.
    ///
    /// # Errors
    /// [`Invalid`](RhaiDispatcherError::Invalid) with the name of the setter;
    /// [`Unsupported`](RhaiDispatcherError::Unsupported) for a URL whose transport this build does not have;
    /// [`Unavailable`](RhaiDispatcherError::Unavailable) if the system has no thread for the worker of `memory:`.
    pub fn build(self) -> Result<RhaiDispatcher, RhaiDispatcherError> {
        let config = self.config()?;
        match TransportChoice::of(
            self.url.as_ref().map(TransportUrl::as_str),
            self.transport.clone(),
            self.settings.clone(),
        )? {
            TransportChoice::Shared(transport) => Ok(Dispatcher::new(transport, config).into()),
            #[cfg(feature = "memory")]
            TransportChoice::Private(settings) => self.with_worker(config, *settings),
        }
    }

    /// Builds and connects, so that a wrong URL or a server that does not answer is an error here.
    ///
    /// # Errors
    /// Those of [`build`](Self::build), [`Unavailable`](RhaiDispatcherError::Unavailable) and
    /// [`Refused`](RhaiDispatcherError::Refused).
    pub async fn connect(self) -> Result<RhaiDispatcher, RhaiDispatcherError> {
        let dispatcher = self.build()?;
        dispatcher.transport().connect().await?;
        Ok(dispatcher)
    }

    fn config(&self) -> Result<DispatcherConfig, Invalid> {
        let caller_id = self.caller_id.clone().ok_or_else(|| {
            Invalid::new("caller_id", "is missing", "name the program that submits with caller_id(...)")
        })?;
        let mut config = DispatcherConfig::new(caller_id)?;
        #[cfg(feature = "engine")]
        {
            config.max_script_bytes = self.engine.limits.max_script_bytes;
            config = config.with_preflight(Arc::new(ScriptChecker::new(self.engine.clone())));
        }
        config.inspect_timeout = self.inspect_timeout.unwrap_or(config.inspect_timeout);
        config.default_timeout = self.default_timeout.unwrap_or(config.default_timeout);
        config.max_depth = self.max_depth.unwrap_or(config.max_depth);
        config.max_script_bytes = self.max_script_bytes.unwrap_or(config.max_script_bytes);
        config.max_args_bytes = self.max_args_bytes.unwrap_or(config.max_args_bytes);
        config.trace_source = self.trace_source.clone();
        config.max_blocking_threads = self.max_blocking_threads.unwrap_or(config.max_blocking_threads);
        if config.default_timeout.is_zero() {
            return Err(Invalid::new(
                "default_timeout",
                "is zero",
                "give a duration above zero, such as 5 s",
            ));
        }
        if config.inspect_timeout.is_zero() {
            return Err(Invalid::new(
                "inspect_timeout",
                "is zero",
                "give a duration above zero, such as 1 s",
            ));
        }
        if config.max_blocking_threads == 0 {
            return Err(Invalid::new("max_blocking_threads", "is zero", "give at least 1"));
        }
        Ok(config)
    }

    /// Makes a private hub, and a worker that lives as long as the dispatcher.
    #[cfg(all(feature = "memory", feature = "engine"))]
    fn with_worker(
        self,
        config: DispatcherConfig,
        settings: TransportConfig,
    ) -> Result<RhaiDispatcher, RhaiDispatcherError> {
        use rhai_dispatcher_core::{InstanceSpec, Worker, WorkerId};
        #[cfg(not(feature = "handlers"))]
        use rhai_dispatcher_engine::RhaiHandler;
        #[cfg(feature = "handlers")]
        use rhai_dispatcher_handlers::{CallHandler, Handlers};
        use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

        self.engine.check()?;
        let config_of_hub = MemoryConfig::default().with_transport(settings);
        let transport = MemoryTransport::new(config_of_hub.with_any_worker(true));
        let worker_id = WorkerId::try_from("embedded")?;
        let consumer = transport.attach_now(&InstanceSpec::new(worker_id.clone()));
        let transport: Arc<dyn Transport> = Arc::new(transport);
        let engine = self.engine.with_dispatch(Arc::clone(&transport));
        let worker = Worker::new(Arc::clone(&transport), worker_id);
        #[cfg(feature = "handlers")]
        let worker = {
            let reads = Dispatcher::new(Arc::clone(&transport), DispatcherConfig::new("handlers")?);
            let methods = Handlers::default().with_built_in(&reads)?;
            let worker = worker.with_methods(Arc::new(methods.clone()));
            worker.start_attached(consumer, move || CallHandler::new(&engine, methods.clone()))
        };
        #[cfg(not(feature = "handlers"))]
        let worker = worker.start_attached(consumer, move || RhaiHandler::new(&engine));
        let worker = worker.map_err(|error| RhaiDispatcherError::Unavailable(Arc::new(error)))?;
        Ok(Dispatcher::new(transport, config.with_companion(Arc::new(worker))).into())
    }

    #[cfg(all(feature = "memory", not(feature = "engine")))]
    fn with_worker(
        self,
        _config: DispatcherConfig,
        _settings: TransportConfig,
    ) -> Result<RhaiDispatcher, RhaiDispatcherError> {
        Err(RhaiDispatcherError::Unsupported {
            scheme: "memory".to_owned(),
            hint: "build with the feature `engine`, or use memory:NAME with a worker of your own",
        })
    }
}

impl RhaiDispatcher {
    /// Begins to set up a dispatcher; the same as [`RhaiDispatcherBuilder::new`].
    pub fn builder() -> RhaiDispatcherBuilder {
        RhaiDispatcherBuilder::new()
    }

    /// Makes a dispatcher with the default settings and connects it. Its caller id is the name of the program's file.
    ///
    /// # Errors
    /// See [`RhaiDispatcherBuilder::connect`].
    pub async fn connect(url: impl Into<TransportUrl>) -> Result<Self, RhaiDispatcherError> {
        Self::builder().caller_id(program_name()).url(url).connect().await
    }
}

/// The name of the program's file, as far as a caller id may have it.
fn program_name() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    if name.is_empty() { "rhai-dispatcher".to_owned() } else { name }
}
