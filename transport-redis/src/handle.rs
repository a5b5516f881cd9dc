use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use rhai_dispatcher_core::{Clock, Invalid, SystemClock, TransportError};
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::background_tasks::BackgroundTasks;
use crate::client::{ClientError, Links, ServerReply, Servers};
use crate::config::{Durability, RedisConfig};
use crate::listing::QueueNames;
use crate::script::{Args, LibraryErrors, Orphans, Script, ScriptCaller};

/// What a handle and its instances share.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) config: RedisConfig,
    pub(crate) servers: Servers,
    pub(crate) caller: Arc<ScriptCaller>,
    /// Submits and finishes. With a [`Durability`] that waits for replicas or disks, that is on a connection of its own:
    /// nothing else is to wait for those.
    pub(crate) writes: Arc<ScriptCaller>,
    /// Renews leases, on a connection of its own: what is slow for calls is not to cost a lease.
    pub(crate) renewals: Arc<ScriptCaller>,
    /// The worker ids in use.
    pub(crate) queue_names: Arc<QueueNames>,
    pub(crate) clock: Arc<dyn Clock>,
    /// None before the first call.
    background: OnceLock<BackgroundTasks>,
    /// Last: what runs there ends with it.
    pub(crate) bridge: TokioBridge,
}

impl Handle {
    pub(crate) fn new(config: RedisConfig) -> Result<Self, Invalid> {
        let config = config.resolved()?;
        let servers = Servers::new(&config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (errors, orphans) = (LibraryErrors::default(), Arc::<Orphans>::default());
        let caller = |patience, timeout, durability| {
            Arc::new(ScriptCaller::new(
                &config,
                Links::new(&servers, patience),
                Arc::clone(&clock),
                timeout,
                durability,
                errors.clone(),
                Arc::clone(&orphans),
            ))
        };
        let calls = caller(config.patience(), config.call_timeout, Durability::Server);
        let writes = match config.durability.timeout() {
            None => Arc::clone(&calls),
            // A script waits behind the confirmation of the batch before it.
            Some(timeout) => caller(config.patience() + timeout, config.call_timeout, config.durability),
        };
        let renewals = caller(config.renewal_patience(), config.renewal_timeout(), Durability::Server);
        let bridge = config.bridge.clone().unwrap_or_default();
        let (queue_names, background) = (Arc::new(QueueNames::new(Arc::clone(&calls))), OnceLock::new());
        Ok(Self { config, servers, caller: calls, writes, renewals, queue_names, clock, background, bridge })
    }

    /// What runs on the bridge; starts it.
    pub(crate) fn background(&self) -> &BackgroundTasks {
        self.background.get_or_init(|| {
            BackgroundTasks::start(
                &self.bridge,
                &self.caller,
                &self.writes,
                &self.servers,
                &self.queue_names,
                &self.config,
            )
        })
    }

    /// The background tasks, if they have been started.
    pub(crate) fn started_background(&self) -> Option<&BackgroundTasks> {
        self.background.get()
    }

    /// Runs a call on the bridge.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, ClientError>> + Send + 'static,
    ) -> Result<T, TransportError> {
        let answer = self.bridge.run(call).await;
        let ended = || ClientError::Lost("the runtime of the transport has ended".into());
        if !self.caller.orphans.is_empty() {
            self.background(); // where their children are cancelled
        }
        Ok(answer.unwrap_or_else(|_| Err(ended()))?)
    }

    /// Runs a script that may be repeated; the answer without the time in front of it.
    pub(crate) async fn script(
        &self,
        script: Script,
        about: impl Display + Send + Sync + 'static,
        args: Args,
    ) -> Result<Vec<ServerReply>, TransportError> {
        let caller = Arc::clone(&self.caller);
        let mut replies = self.run(async move { caller.run(script, about, args).await }).await?;
        replies.remove(0); // the server's time
        Ok(replies)
    }
}
