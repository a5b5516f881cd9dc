use std::future::Future;

use rhai_dispatcher_core::{Drained, RunningWorker, Worker, WorkerError};
use rhai_dispatcher_engine::EngineConfig;
#[cfg(not(feature = "handlers"))]
use rhai_dispatcher_engine::RhaiHandler;
#[cfg(feature = "handlers")]
use rhai_dispatcher_handlers::{CallHandler, Handlers};
use rhai_dispatcher_supervision::CrashRecovery;

/// Serves a worker id with the Rhai engine: each of its threads runs many scripts at once.
///
/// ```
/// use rhai_dispatcher::RhaiWorker;
///
/// # fn main() -> Result<(), rhai_dispatcher::RhaiDispatcherError> {
/// let worker = RhaiWorker::builder("worker-1").url("memory:jobs").threads(2).build()?;
/// let shutdown = async { /* until Ctrl-C, for example */ };
/// futures::executor::block_on(worker.run(shutdown)).expect("it drained");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RhaiWorker {
    pub(super) worker: Worker,
    pub(super) engine: EngineConfig,
    pub(super) recovery: Option<CrashRecovery>,
    /// Its methods, if it has any.
    #[cfg(feature = "handlers")]
    pub(super) handlers: Option<Handlers>,
    /// These, and the methods that every worker has.
    #[cfg(feature = "handlers")]
    pub(super) methods: Handlers,
}

impl RhaiWorker {
    /// Serves until `shutdown` resolves, then drains; see [`Worker::run`].
    ///
    /// # Errors
    /// See [`Worker::run`], and [`crash_file`](crate::RhaiWorkerBuilder::crash_file) of the builder.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Drained, WorkerError> {
        #[cfg(feature = "handlers")]
        {
            let methods = self.watched_methods()?;
            let (worker, engine) = self.recover().await?;
            worker.run(move || CallHandler::new(&engine, methods.clone()), shutdown).await
        }
        #[cfg(not(feature = "handlers"))]
        {
            let (worker, engine) = self.recover().await?;
            worker.run(move || RhaiHandler::new(&engine), shutdown).await
        }
    }

    /// Serves on threads of its own until the answer is drained or dropped; see
    /// [`Worker::start`].
    ///
    /// # Errors
    /// See [`Worker::start`], and [`crash_file`](crate::RhaiWorkerBuilder::crash_file) of the builder.
    pub async fn start(self) -> Result<RunningWorker, WorkerError> {
        #[cfg(feature = "handlers")]
        {
            let methods = self.watched_methods()?;
            let (worker, engine) = self.recover().await?;
            worker.start(move || CallHandler::new(&engine, methods.clone())).await
        }
        #[cfg(not(feature = "handlers"))]
        {
            let (worker, engine) = self.recover().await?;
            worker.start(move || RhaiHandler::new(&engine)).await
        }
    }

    /// The methods that it serves beside scripts: none without a handler and a folder of handlers.
    #[cfg(feature = "handlers")]
    #[must_use]
    pub fn handlers(&self) -> Option<&Handlers> {
        self.handlers.as_ref()
    }

    /// Its methods, whose folder is watched from now on.
    #[cfg(feature = "handlers")]
    fn watched_methods(&self) -> Result<Handlers, WorkerError> {
        let watched = self.methods.watch();
        watched.map_err(|error| WorkerError::Handler(format!("no thread for its folder: {error}")))?;
        Ok(self.methods.clone())
    }

    /// Reports the crash of the last process, if there was one, and takes its crash file over.
    async fn recover(self) -> Result<(Worker, EngineConfig), WorkerError> {
        let Self { worker, engine, recovery, .. } = self;
        match recovery {
            Some(recovery) => Ok((worker.with_running_tasks(recovery.recover().await?), engine)),
            None => Ok((worker, engine)),
        }
    }
}
