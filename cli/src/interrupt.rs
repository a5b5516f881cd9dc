use std::io;
use std::process;
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
        ctrlc::set_handler(handler).map_err(|error| CommandError::System {
            doing: "waiting for Ctrl-C",
            source: io::Error::other(error),
        })?;
        Ok(Self { raised: raised.shared() })
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
