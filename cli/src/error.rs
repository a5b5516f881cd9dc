use std::io;

use rhai_dispatcher::list_bridge::ListId;
use rhai_dispatcher::worker::WorkerError;
use rhai_dispatcher::{Invalid, RhaiDispatcherError};
use rhai_dispatcher_gateway::{GatewayError, TokenFileError};

use crate::exit::Exit;
use crate::options::{TaskRef, Timeout};
use crate::report::Failure;

/// Why a command failed before it could do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// A value on the command line, or in the environment, is wrong.
    #[error("invalid value for '{argument}': {problem}")]
    Usage {
        /// The argument or variable, as the help spells it.
        argument: &'static str,
        /// The problem, and a value that is right.
        problem: String,
    },
    /// Neither the command line nor the environment names a server.
    #[error("no server is named; give '--url <URL>' or set RHAID_URL, such as redis://127.0.0.1/")]
    NoServer,
    /// The server can't be reached, or refuses.
    #[error("{url}: {problem}; {hint}")]
    Server {
        /// The server's URL, without its password.
        url: String,
        /// What happened.
        problem: String,
        /// The way out.
        hint: &'static str,
    },
    /// The dispatcher returned an error.
    #[error(transparent)]
    Dispatcher(RhaiDispatcherError),
    /// The task did not end while `rhaid wait` waited.
    #[error("task {id} did not end within {timeout} and has no outcome yet: {why}; --timeout waits longer")]
    TimedOut {
        /// The task.
        id: TaskRef,
        /// How long the command waited.
        timeout: Timeout,
        /// What the task waits for, or since when it runs.
        why: String,
    },
    /// No client of the list protocol has submitted a task under that id.
    #[error(
        "task {0} is not known: no client of the list protocol has submitted it, or its hash has expired; the id of other \
         tasks is a UUID, as `rhaid submit` prints it"
    )]
    UnknownList(ListId),
    /// The task's state does not allow the operation.
    #[error("{0}")]
    NotReady(String),
    /// The worker could not start, or ended with an error.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The gateway could not start.
    #[error(transparent)]
    Gateway(GatewayError),
    /// An operation of the operating system failed.
    #[error("{doing}: {source}")]
    System {
        /// The operation that failed.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

impl CommandError {
    pub(crate) fn usage(argument: &'static str, problem: impl Into<String>) -> Self {
        Self::Usage { argument, problem: problem.into() }
    }

    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::NoServer => Exit::Usage,
            Self::Server { .. } => Exit::Server,
            Self::Dispatcher(_)
            | Self::TimedOut { .. }
            | Self::UnknownList(_)
            | Self::NotReady(_)
            | Self::Worker(_)
            | Self::Gateway(_)
            | Self::System { .. } => Exit::Failure,
        }
    }

    /// The error in the form that is printed as JSON.
    pub(crate) fn into_failure(self) -> Failure {
        let message = self.to_string();
        let kind = match self {
            Self::Dispatcher(error) => return error.into(),
            Self::Usage { .. } | Self::NoServer => Failure::INVALID,
            Self::Server { .. } => Failure::SERVER,
            Self::TimedOut { .. } => "timeout",
            Self::UnknownList(_) => "not_found",
            Self::NotReady(_) => "not_ready",
            Self::Worker(_) => "worker",
            Self::Gateway(_) => "gateway",
            Self::System { .. } => "system",
        };
        Failure::new(kind, message)
    }
}

const URL: &str = "--url <URL>";

/// Replaces the library's hint, which also names the scheme `memory:`; a command can't use that.
const URL_HINT: &str =
    "use redis://[user:password@]host[:port][/database] or redis+unix:///path, without TLS";

impl From<RhaiDispatcherError> for CommandError {
    fn from(error: RhaiDispatcherError) -> Self {
        match error {
            RhaiDispatcherError::Invalid(invalid) => invalid.into(),
            RhaiDispatcherError::Unsupported { scheme, .. } => {
                Self::usage(URL, format!("{scheme:?} is not supported here; {URL_HINT}"))
            }
            error => Self::Dispatcher(error),
        }
    }
}

impl From<TokenFileError> for CommandError {
    fn from(error: TokenFileError) -> Self {
        match error {
            TokenFileError::Invalid(invalid) => {
                Self::usage("<NAME>", format!("{}; {}", invalid.problem, invalid.hint))
            }
            error => Self::Gateway(error.into()),
        }
    }
}

impl From<GatewayError> for CommandError {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Invalid(invalid) => invalid.into(),
            GatewayError::Dispatcher(error) => error.into(),
            error => Self::Gateway(error),
        }
    }
}

impl From<Invalid> for CommandError {
    fn from(Invalid { field, problem, hint, .. }: Invalid) -> Self {
        let argument = match field {
            "url" | "redis_url" => return Self::usage(URL, format!("{problem}; {URL_HINT}")),
            "prefix" => "--prefix <PREFIX>",
            "task_id" => "<ID>",
            "handlers" => "--handlers <DIR>",
            "allowed_hosts" => "--allow-name <NAME>",
            "allowed_origins" => "--allow-origin <ORIGIN>",
            other => other,
        };
        Self::usage(argument, format!("{problem}; {hint}"))
    }
}
