use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use futures::channel::oneshot;
use rhai_dispatcher_core::{Invalid, Requeued, RunningTasks, Transport, WorkerError};

use crate::{Crash, CrashFile, CrashFileError, CrashTable};

/// What a worker with a crash file does before it serves: it reports what the last process left there, and takes the
/// file over.
#[derive(Debug, Clone)]
pub struct CrashRecovery {
    path: PathBuf,
    lanes: usize,
    transport: Arc<dyn Transport>,
}

impl CrashRecovery {
    /// Will work with the file at `path`, for a worker with so many lanes.
    ///
    /// # Errors
    /// If a crash file has too few slots for so many lanes, or the path is empty.
    pub fn new(path: PathBuf, lanes: usize, transport: Arc<dyn Transport>) -> Result<Self, Invalid> {
        if path.as_os_str().is_empty() {
            return Err(Invalid::new("crash_file", "is empty", "name a file on a local disk"));
        }
        if lanes > CrashTable::MAX_LANES {
            let problem =
                format!("has room for {} threads, and the worker has {lanes}", CrashTable::MAX_LANES);
            return Err(Invalid::new("crash_file", problem, "give fewer threads, or no crash file"));
        }
        Ok(Self { path, lanes, transport })
    }

    /// Reports the crash of the last process, if there was one. The answer is for the worker to write.
    ///
    /// # Errors
    /// [`WorkerError::CrashFile`], and [`WorkerError::Transport`] if the crash can't be reported; the file has it yet
    /// then.
    pub async fn recover(self) -> Result<Arc<dyn RunningTasks>, WorkerError> {
        let Self { path, lanes, transport } = self;
        let file = off_thread(move || CrashFile::open(&path)).await?;
        if let Some(crash) = file.crash() {
            report(crash, &*transport).await?;
        }
        Ok(Arc::new(off_thread(move || file.take_over(lanes)).await?))
    }
}

async fn report(crash: &Crash, transport: &dyn Transport) -> Result<(), WorkerError> {
    let Crash { report, is_of_this_boot } = crash;
    let instance = report.instance;
    // Of a process that ran nothing it is not known whether it did that to itself. And what the system lost when it went
    // down may be newer than what the file says.
    if report.running.is_empty() || !is_of_this_boot {
        tracing::warn!(%instance, "the last worker of this crash file died; its tasks run again when its lease is over");
        return Ok(());
    }
    let Requeued { released, blamed } = transport.report_crash(report).await?;
    tracing::warn!(%instance, running = ?report.running, released, blamed, "the last worker of this crash file died; its other tasks run again");
    Ok(())
}

/// Works with files on a thread of its own: the caller's must not block.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CrashFileError> + Send + 'static,
) -> Result<T, WorkerError> {
    let (done, result) = oneshot::channel();
    let work = move || drop(done.send(work())); // the caller may be gone
    let failed = |problem: String| WorkerError::CrashFile(problem);
    thread::Builder::new()
        .name("rhai-crash-file".into())
        .spawn(work)
        .map_err(|error| failed(format!("the system has no thread to open it: {error}")))?;
    match result.await {
        Ok(result) => result.map_err(|error| failed(error.to_string())),
        Err(oneshot::Canceled) => Err(failed("the thread that opens it panicked".into())),
    }
}
