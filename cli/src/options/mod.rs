//! What subcommands take.

mod script_args;
mod script_file;
mod timeout;

pub(crate) use script_args::ScriptArgs;
pub(crate) use script_file::{Script, ScriptFile};
pub(crate) use timeout::Timeout;
