//! The steps that are atomic (`lua/`), their arguments, and the calls that send them.

mod args;
mod caller;
mod durability;
mod fault;
mod for_tasks;
mod home;
pub(crate) mod keys;
mod known_scripts;
mod libraries;
mod orphans;
mod packed;
#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod script;
mod target;

pub(crate) use args::Args;
pub(crate) use caller::{LONGEST_WAIT, ScriptCaller};
pub(crate) use known_scripts::LibraryErrors;
pub(crate) use orphans::Orphans;
pub(crate) use packed::{Packed, unpack};
pub(crate) use script::{Script, answer_to};
