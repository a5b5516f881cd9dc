use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{Dispatcher, DispatcherConfig, Invalid, Transport};
#[cfg(feature = "engine")]
use rhai_dispatcher_engine::{EngineConfig, ScriptChecker};

use crate::RhaiDispatcherError;
use crate::record_settings::{RecordSettings, record_setters};
use crate::url::Target;

/// Makes a [`RhaiDispatcher`](crate::RhaiDispatcher).
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
    url: Option<String>,
    prefix: Option<String>,
    records: RecordSettings,
    transport: Option<Arc<dyn Transport>>,
    #[cfg(feature = "engine")]
    engine: EngineConfig,
}

impl RhaiDispatcherBuilder {
    /// A builder in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who asks. Required.
    pub fn caller_id(mut self, caller_id: impl Into<Arc<str>>) -> Self {
        self.caller_id = Some(caller_id.into());
        self
    }

    /// Where the tasks go:
    /// - `memory:`, the default: workers of its own in this process, which serve any worker id;
    /// - `memory:NAME`: the hub of that name in this process, served by
    ///   [`RhaiWorker`](crate::RhaiWorker)s under the same URL;
    /// - `redis://[user[:password]@]host[:port][/database]` or `redis+unix:///path/to/socket`: a Redis
    ///   server, where any process may serve them.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The same as [`url`](Self::url).
    pub fn redis_url(self, url: impl Into<String>) -> Self {
        self.url(url)
    }

    /// What all keys in Redis begin with. Default: `rhailib`. Those who share it share their queues.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    record_setters!();

    /// Uses a transport that was made elsewhere, instead of a URL.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How scripts are run by the workers of `memory:`, and checked before they are queued.
    #[cfg(feature = "engine")]
    pub fn engine(mut self, engine: EngineConfig) -> Self {
        self.engine = engine;
        self
    }

    /// Checks what was set. Nothing is connected yet; the first call does that. For `memory:` it
    /// starts the workers.
    ///
    /// # Errors
    /// [`Unavailable`](RhaiDispatcherError::Unavailable) if the system gives no thread to a worker of
    /// `memory:`;
    /// [`Invalid`](RhaiDispatcherError::Invalid) naming the setter, or
    /// [`Unsupported`](RhaiDispatcherError::Unsupported) for a URL whose transport this build does
    /// not have.
    pub fn build(self) -> Result<Dispatcher, RhaiDispatcherError> {
        let caller_id = self
            .caller_id
            .clone()
            .ok_or_else(|| Invalid::new("caller_id", "is missing", "say who asks with caller_id(...)"))?;
        let config = self.config(caller_id)?;
        let target = match (&self.url, &self.transport) {
            (Some(_), Some(_)) => {
                return Err(Invalid::new("url", "is given beside a transport", "give one of them").into());
            }
            (None, Some(transport)) => {
                self.records.refuse_beside_transport()?;
                Target::Shared(Arc::clone(transport))
            }
            (url, None) => {
                let url = url.as_deref().unwrap_or("memory:");
                Target::parse(url, self.prefix.as_deref(), self.records)?
            }
        };
        match target {
            Target::Shared(transport) => Ok(Dispatcher::new(transport, config)),
            #[cfg(feature = "memory")]
            Target::Private => self.with_workers(config),
        }
    }

    /// Builds, and connects at once, so that what is wrong with the URL or the server shows here.
    ///
    /// # Errors
    /// Those of [`build`](Self::build), [`Unavailable`](RhaiDispatcherError::Unavailable) and
    /// [`Refused`](RhaiDispatcherError::Refused).
    pub async fn connect(self) -> Result<Dispatcher, RhaiDispatcherError> {
        let dispatcher = self.build()?;
        dispatcher.connect().await?;
        Ok(dispatcher)
    }

    #[cfg(feature = "engine")]
    fn config(&self, caller_id: Arc<str>) -> Result<DispatcherConfig, Invalid> {
        let mut config = DispatcherConfig::new(caller_id)?;
        config.max_script_bytes = self.engine.max_script_bytes;
        Ok(config.with_preflight(Arc::new(ScriptChecker::new(self.engine.clone()))))
    }

    #[cfg(not(feature = "engine"))]
    fn config(&self, caller_id: Arc<str>) -> Result<DispatcherConfig, Invalid> {
        DispatcherConfig::new(caller_id)
    }

    /// A private hub, and a worker beside the dispatcher that ends with it.
    #[cfg(all(feature = "memory", feature = "engine"))]
    fn with_workers(self, config: DispatcherConfig) -> Result<Dispatcher, RhaiDispatcherError> {
        use rhai_dispatcher_core::{InstanceSpec, Worker, WorkerId};
        use rhai_dispatcher_engine::RhaiHandler;
        use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

        self.engine.check()?;
        let config_of_hub = MemoryConfig::default().with_transport(self.records.config());
        let transport = MemoryTransport::new(config_of_hub.with_any_worker(true));
        let worker_id = WorkerId::try_from("embedded")?;
        let consumer = transport.attach_now(&InstanceSpec::new(worker_id.clone()));
        let transport: Arc<dyn Transport> = Arc::new(transport);
        let engine = self.engine.with_dispatch(Arc::clone(&transport));
        let worker = Worker::new(Arc::clone(&transport), worker_id);
        let worker = worker.start_attached(consumer, move || RhaiHandler::new(&engine));
        let worker = worker.map_err(|error| RhaiDispatcherError::Unavailable(Arc::new(error)))?;
        Ok(Dispatcher::new(transport, config.with_companion(Arc::new(worker))))
    }

    #[cfg(all(feature = "memory", not(feature = "engine")))]
    fn with_workers(self, _config: DispatcherConfig) -> Result<Dispatcher, RhaiDispatcherError> {
        Err(RhaiDispatcherError::Unsupported {
            scheme: "memory".to_owned(),
            hint: "build with the feature `engine`, or use memory:NAME with a worker of your own",
        })
    }
}
