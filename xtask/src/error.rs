use std::fmt;
use std::io;
use std::process::ExitStatus;

/// Why a chore ended early.
#[derive(Debug)]
pub(crate) enum Error {
    /// A command could not be started.
    Start { command: String, source: io::Error },
    /// A command ran and failed.
    Command { command: String, status: ExitStatus },
    /// A tool is missing, and could not be installed.
    MissingTool { name: &'static str, reason: String, advice: &'static str },
    /// Cargo's answer was not understood, so nothing can be concluded from it.
    Unreadable(String),
    /// A package that ships pulls in something that it must not.
    Forbidden(Vec<String>),
    /// A search found what must not be.
    Found { what: &'static str, count: usize },
    /// A step of a chore failed.
    Step { name: &'static str, command: String, source: Box<Error> },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { command, source } => write!(f, "`{command}` could not be started: {source}"),
            Self::Command { command, status } => write!(f, "`{command}` failed ({status})"),
            Self::MissingTool { name, reason, advice } => {
                write!(f, "{name} is missing and {reason}; {advice}")
            }
            Self::Unreadable(what) => write!(f, "cargo's answer was not understood: {what}"),
            Self::Forbidden(paths) => {
                write!(f, "dependencies that must not ship:")?;
                paths.iter().try_for_each(|path| write!(f, "\n    {path}"))
            }
            Self::Found { what, count } => write!(f, "{count} {what}; see above"),
            Self::Step { name, command, source } => {
                write!(
                    f,
                    "step `{name}` failed: {source}\n\nto run it alone: cargo xtask test --only {name}"
                )?;
                // A step may be more than one command, or none; only a single one can be repeated by hand.
                if command.is_empty() { Ok(()) } else { write!(f, "\n             or: {command}") }
            }
        }
    }
}

impl std::error::Error for Error {}
