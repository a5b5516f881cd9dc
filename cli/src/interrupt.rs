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

/// Ctrl-C, SIGTERM or SIGHUP, as a future that many can wait for.
///
/// The first signal asks for an orderly end; the second one ends the process whatever it does, such
/// as writing into a pipe that nobody empties.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    raised: Shared<oneshot::Receiver<()>>,
}

impl Interrupt {
    /// How long an orderly end may take where nothing is to be waited for.
    pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

    /// Takes over the process's signals. To be called once. When `patience` is over after the first
    /// signal, that is as good as a second one; `None` has no end.
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

    /// Takes over the signals of a process that has a supervisor. The answer is raised by the first signal, or when
    /// the other answer is called. Further signals count for the supervisor alone: a signal may go to both.
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

    /// Calls `handler` at each signal, on a thread of its own. To be called once.
    pub(crate) fn on_signal(handler: impl FnMut() + Send + 'static) -> Result<(), CommandError> {
        ctrlc::set_handler(handler).map_err(|error| CommandError::System {
            doing: "waiting for Ctrl-C",
            source: io::Error::other(error),
        })
    }

    /// Is ready once a signal has come, and from then on.
    pub(crate) fn raised(&self) -> impl Future<Output = ()> + Unpin + use<> {
        // The handler, and so the sender, lives as long as the process.
        self.raised.clone().map(|_| ())
    }

    /// Whether a signal has come.
    pub(crate) fn is_raised(&self) -> bool {
        self.raised().now_or_never().is_some()
    }
}

fn exit_now() -> ! {
    process::exit(Exit::Interrupted.code().into())
}
