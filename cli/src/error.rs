use std::io;

use rhai_dispatcher::{RhaiDispatcherError, WorkerError};

use crate::exit::Exit;

/// Why a command could not do its work at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// A value on the command line, or in the environment, is wrong.
    #[error("invalid value for '{argument}': {problem}")]
    Usage {
        /// The argument or variable, as the help spells it.
        argument: &'static str,
        /// What is wrong, and what to do instead.
        problem: String,
    },
    /// The dispatcher could not be made.
    #[error(transparent)]
    Dispatcher(#[from] RhaiDispatcherError),
    /// The worker could not start.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was to be done.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl CommandError {
    pub(crate) fn usage(argument: &'static str, problem: impl Into<String>) -> Self {
        Self::Usage { argument, problem: problem.into() }
    }

    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } => Exit::Usage,
            Self::Dispatcher(_) | Self::Worker(_) | Self::System { .. } => Exit::Failure,
        }
    }
}
