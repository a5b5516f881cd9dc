use std::io;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::Shared;

use crate::error::CommandError;
use crate::exit::Exit;

/// Ctrl-C, SIGTERM or SIGHUP, as a future that several tasks can await.
///
/// The first signal requests an orderly end. The second signal ends the process immediately, even while it is
/// blocked, such as in a write to a pipe without a reader.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    raised: Shared<oneshot::Receiver<()>>,
}

impl Interrupt {
    /// Limit on the time of an orderly end when the command does not wait for running scripts.
    pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

    /// Handles the signals of the process. Call it once. `patience` after the first signal, the process ends as after
    /// a second signal; with `None` only a second signal does that.
    pub(crate) fn install(patience: Option<Duration>) -> Result<Self, CommandError> {
        let (raise, raised) = oneshot::channel();
        let mut raise = Some(raise);
        let handler = move || match raise.take() {
            Some(raise) => {
                let _ = raise.send(()); // the command may have ended already
                let Some(patience) = patience else { return };
                let lose_patience = move || {
                    thread::sleep(patience);
                    exit_now();
                };
                if thread::Builder::new().spawn(lose_patience).is_err() {
                    exit_now();
                }
            }
            None => exit_now(),
        };
        Self::on_signal(handler)?;
        Ok(Self { raised: raised.shared() })
    }

    /// Handles the signals of a process that has a supervisor. The first signal raises the returned interrupt, and so
    /// does a call of the returned function. Only the supervisor acts on further signals, because one signal may reach
    /// both processes.
    pub(crate) fn supervised() -> Result<(Self, impl FnOnce() + Send + 'static), CommandError> {
        let (raise, raised) = oneshot::channel();
        let raise = Arc::new(Mutex::new(Some(raise)));
        let raise = move || {
            // Nothing panics while it holds the lock.
            let raise = raise.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(raise) = raise {
                let _ = raise.send(()); // the command may have ended already
            }
        };
        Self::on_signal(raise.clone())?;
        Ok((Self { raised: raised.shared() }, raise))
    }

    /// Takes no notice of signals: the process ends when the returned function is called, or with its supervisor.
    #[cfg(unix)]
    pub(crate) fn by_supervisor() -> Result<(Self, impl FnOnce() + Send + 'static), CommandError> {
        let (raise, raised) = oneshot::channel();
        Self::on_signal(|| {})?;
        let raise = move || {
            let _ = raise.send(()); // the command may have ended already
        };
        Ok((Self { raised: raised.shared() }, raise))
    }

    /// Calls `handler` at each signal, on a thread of its own. Call it once.
    pub(crate) fn on_signal(handler: impl FnMut() + Send + 'static) -> Result<(), CommandError> {
        ctrlc::set_handler(handler).map_err(|error| CommandError::System {
            doing: "waiting for Ctrl-C",
            source: io::Error::other(error),
        })
    }

    /// Resolves when the first signal arrives; resolves immediately after that.
    pub(crate) fn raised(&self) -> impl Future<Output = ()> + Unpin + use<> {
        // The handler, and so the sender, lives as long as the process.
        self.raised.clone().map(|_| ())
    }

    /// Whether a signal has arrived.
    pub(crate) fn is_raised(&self) -> bool {
        self.raised().now_or_never().is_some()
    }
}

fn exit_now() -> ! {
    process::exit(Exit::Interrupted.code().into())
}
