use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Tether;

/// A process of ours. It ends with this value, and with the process that holds it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The signal that ended it, 0 for none, once it is known.
    ended: Option<i32>,
}

impl Process {
    /// Starts `command`; its log is appended to `log`.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        Ok(Self { child: command.spawn()?, ended: None })
    }

    /// Its id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The id of the newest process that it has started, if there is one; on Linux only.
    #[must_use]
    pub fn child(&self) -> Option<u32> {
        let pid = self.pid();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        children.split_whitespace().next_back()?.parse().ok()
    }

    /// Asks it for an orderly end.
    pub fn drain(&mut self) {
        if let Some(input) = &mut self.child.stdin {
            // It may have ended.
            let _ = writeln!(input, "{}", Tether::DRAIN);
        }
    }

    /// The signal that ended it, 0 for none; `None` while it runs.
    pub fn ended(&mut self) -> Option<i32> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.ended = Some(status.signal().unwrap_or(0));
        }
        self.ended
    }

    /// Ends it at once (SIGKILL), also if it is stopped.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        if let Ok(status) = self.child.wait() {
            self.ended.get_or_insert(status.signal().unwrap_or(0));
        }
    }

    /// Stops it (SIGSTOP).
    pub fn stop(&self) {
        signal(self.pid(), Signal::STOP);
    }

    /// Continues it (SIGCONT).
    pub fn resume(&self) {
        signal(self.pid(), Signal::CONT);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to a process that we have started and not yet seen end.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended just now.
        let _ = kill_process(pid, signal);
    }
}
