use std::io::{BufRead, stdin};
use std::thread;

use futures::channel::oneshot;

/// Ties this process to its parent: it ends when its standard input does, and, where the system
/// can do that, when the parent dies, also while it is stopped.
#[derive(Debug)]
pub struct Tether {
    drain: oneshot::Receiver<()>,
}

impl Tether {
    /// What a parent writes to ask for an orderly end.
    pub const DRAIN: &str = "drain";

    /// Ties it. To be called first, on the main thread.
    #[must_use]
    pub fn tie() -> Self {
        #[cfg(target_os = "linux")]
        {
            // If it fails the pipe is left.
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        }
        let (asked, drain) = oneshot::channel();
        thread::spawn(move || {
            let mut asked = Some(asked);
            for line in stdin().lock().lines() {
                match line {
                    Ok(line) if line == Self::DRAIN => drop(asked.take().map(|asked| asked.send(()))),
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
            std::process::exit(1);
        });
        Self { drain }
    }

    /// Waits until the parent asks for the end.
    pub async fn drained(&mut self) {
        let _ = (&mut self.drain).await;
    }

    /// Whether the parent has asked for the end.
    pub fn is_drained(&mut self) -> bool {
        !matches!(self.drain.try_recv(), Ok(None))
    }
}
