use std::future::Future;

use rhai_dispatcher_core::{Drained, RunningWorker, Worker, WorkerError};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};
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
}

impl RhaiWorker {
    /// Serves until `shutdown` resolves, then drains; see [`Worker::run`].
    ///
    /// # Errors
    /// See [`Worker::run`], and [`crash_file`](crate::RhaiWorkerBuilder::crash_file) of the builder.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Drained, WorkerError> {
        let (worker, engine) = self.recover().await?;
        worker.run(move || RhaiHandler::new(&engine), shutdown).await
    }

    /// Serves on threads of its own until the answer is drained or dropped; see
    /// [`Worker::start`].
    ///
    /// # Errors
    /// See [`Worker::start`], and [`crash_file`](crate::RhaiWorkerBuilder::crash_file) of the builder.
    pub async fn start(self) -> Result<RunningWorker, WorkerError> {
        let (worker, engine) = self.recover().await?;
        worker.start(move || RhaiHandler::new(&engine)).await
    }

    /// Reports the crash of the last process, if there was one, and takes its crash file over.
    async fn recover(self) -> Result<(Worker, EngineConfig), WorkerError> {
        let Self { worker, engine, recovery } = self;
        match recovery {
            Some(recovery) => Ok((worker.with_running_tasks(recovery.recover().await?), engine)),
            None => Ok((worker, engine)),
        }
    }
}
