use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rhai_dispatcher_core::{CrashReport, Requeued, Transport, TransportError};

/// Makes a transport for one report.
pub(crate) type Connect = Arc<dyn Fn() -> Result<Arc<dyn Transport>, String> + Send + Sync>;

/// Delivers crash reports, one after another, on a thread of its own: the server may be away, and the restart does not
/// wait for it.
#[derive(Debug)]
pub(crate) struct Reporter {
    reports: Option<SyncSender<CrashReport>>,
    /// Is closed when the thread has ended.
    ended: Receiver<()>,
}

/// How many reports may wait. A further one is dropped: the lease will end the instance then.
const MAX_WAITING: usize = 64;

/// The first pause before a report is made again; it doubles.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long a report is repeated. The lease of its instance is long over then.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

impl Reporter {
    pub(crate) fn start(connect: Connect) -> std::io::Result<Self> {
        let (reports, waiting) = sync_channel::<CrashReport>(MAX_WAITING);
        let (end, ended): (Sender<()>, _) = channel();
        let run = move || {
            while let Ok(report) = waiting.recv() {
                deliver(&connect, &report);
            }
            drop(end);
        };
        thread::Builder::new().name("rhai-reporter".into()).spawn(run)?;
        Ok(Self { reports: Some(reports), ended })
    }

    pub(crate) fn report(&self, report: CrashReport) {
        let Some(reports) = &self.reports else { return };
        if let Err(TrySendError::Full(report) | TrySendError::Disconnected(report)) = reports.try_send(report)
        {
            tracing::error!(instance = %report.instance, "too many crash reports wait; this one is dropped, and the lease ends its instance");
        }
    }

    /// Waits until all reports are delivered, but no longer than `patience`.
    pub(crate) fn finish(mut self, patience: Duration) {
        self.reports = None;
        if self.ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("a crash report is not delivered yet; the lease ends its instance");
        }
    }
}

fn deliver(connect: &Connect, report: &CrashReport) {
    let instance = report.instance;
    let (start, mut pause) = (Instant::now(), SHORTEST_PAUSE);
    let transport = match connect() {
        Ok(transport) => transport,
        Err(problem) => {
            tracing::error!(%instance, problem, "the crash can't be reported; the lease ends its instance");
            return;
        }
    };
    loop {
        match block_on(transport.report_crash(report)) {
            Ok(Requeued { released, blamed }) => {
                tracing::info!(%instance, released, blamed, "the crash is reported: its other tasks run again");
                return;
            }
            Err(error) if error.is_retryable() && start.elapsed() < PATIENCE => {
                if pause == SHORTEST_PAUSE {
                    tracing::warn!(%instance, %error, "the crash can't be reported yet");
                }
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return give_up(report, &error),
        }
    }
}

fn give_up(report: &CrashReport, error: &TransportError) {
    tracing::error!(instance = %report.instance, %error, "the crash can't be reported; the lease ends its instance");
}
