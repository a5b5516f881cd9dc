//! The subcommands.

mod run;

pub(crate) use run::RunCommand;
