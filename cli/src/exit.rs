use std::process::ExitCode;

/// The exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command did its work: every script completed.
    Success,
    /// A script or a task failed.
    Failure,
    /// The command line is wrong. The same code as clap's own.
    Usage,
    /// The server can't be reached, or refuses.
    Server,
    /// Ended by Ctrl-C or a signal.
    Interrupted,
    /// The exit code of the child process that did the work.
    Child(u8),
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Server => 3,
            // What a shell reports for a command that SIGINT ended.
            Self::Interrupted => 130,
            Self::Child(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
