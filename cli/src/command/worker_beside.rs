use std::future::Future;
#[cfg(unix)]
use std::thread;

#[cfg(unix)]
use futures::channel::oneshot;
#[cfg(unix)]
use futures::future::{self, Either};
use rhai_dispatcher::RhaiWorker;

#[cfg(unix)]
use super::supervise::{STARTING, exit_of, supervisor};
use crate::backend::Backend;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::report::Console;
#[cfg(unix)]
use crate::server::Server;

/// The worker beside a gateway.
pub(crate) enum WorkerBeside {
    /// There is none.
    Absent,
    /// In this process: its tasks are in the memory of this process.
    Here(Box<RhaiWorker>),
    /// In a child process, which is started again when it dies: a script that kills it does not end the gateway.
    #[cfg(unix)]
    Child(Server),
}

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkerEnd {
    pub(crate) exit: Exit,
    /// How many scripts did not stop in time; `None` if it was a child, which has told it itself.
    pub(crate) abandoned: Option<usize>,
}

impl WorkerBeside {
    /// Whether there is one.
    pub(crate) const fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// Serves until `stop` resolves, and drains. It may end before, if it can't serve.
    pub(crate) async fn run(
        self,
        stop: impl Future<Output = ()> + Unpin,
        backend: &Backend,
    ) -> Result<WorkerEnd, CommandError> {
        match self {
            Self::Absent => {
                stop.await;
                Ok(WorkerEnd { exit: Exit::Success, abandoned: Some(0) })
            }
            Self::Here(worker) => run(*worker, stop, backend).await,
            #[cfg(unix)]
            Self::Child(server) => in_child(server, stop).await,
        }
    }
}

/// Runs a worker in this process.
pub(crate) async fn run(
    worker: RhaiWorker,
    stop: impl Future<Output = ()>,
    backend: &Backend,
) -> Result<WorkerEnd, CommandError> {
    let drained = worker.run(stop).await.map_err(|error| backend.explain_worker(error))?;
    let abandoned = drained.abandoned;
    if abandoned > 0 {
        Console::detect().error(format_args!("{abandoned} scripts did not stop in time and were abandoned"));
    }
    let exit = if abandoned > 0 { Exit::Failure } else { Exit::Success };
    Ok(WorkerEnd { exit, abandoned: Some(abandoned) })
}

#[cfg(unix)]
async fn in_child(server: Server, stop: impl Future<Output = ()> + Unpin) -> Result<WorkerEnd, CommandError> {
    let system = |source| CommandError::System { doing: STARTING, source };
    let panicked = |_| system(std::io::Error::other("its supervisor has panicked"));
    let ((to_begin, begun), (to_end, ended)) = (oneshot::channel(), oneshot::channel());
    // The child dies with the thread that started it.
    let supervise = move || match supervisor(server) {
        Ok(supervisor) => {
            let _ = to_begin.send(Ok(supervisor.handle())); // the gateway may have ended
            let _ = to_end.send(supervisor.run()); // as above
        }
        Err(error) => drop(to_begin.send(Err(error))),
    };
    thread::Builder::new().name("rhaid-supervisor".into()).spawn(supervise).map_err(system)?;
    let handle = begun.await.map_err(panicked)??;
    let ended = match future::select(ended, stop).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), ended)) => {
            handle.drain();
            ended.await
        }
    };
    let ended = ended.map_err(panicked)?;
    Ok(WorkerEnd { exit: exit_of(ended.map_err(system)?), abandoned: None })
}
