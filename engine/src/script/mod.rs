//! One script: compiled or found in the cache, run on a fiber, its result turned into JSON.

mod build;
mod builtins;
mod collections;
mod constants;
mod curry;
mod docs;
mod error;
mod growing_strings;
mod hint;
mod limit;
mod metronome;
mod modules;
mod panic_place;
mod parse_guard;
mod range_guard;
mod script_cache;
mod script_future;
mod script_run;
mod secret;
mod sleep;
mod tick;
mod value;
mod wait;

pub(crate) use build::{build_engine, build_parser, compile, parse};
pub(crate) use docs::DOCS;
pub(crate) use error::{parse_error, run_error, too_long};
pub(crate) use hint::{Known, function_names, hint};
pub(crate) use limit::over;
pub(crate) use modules::Modules;
pub(crate) use panic_place::PanicPlace;
pub(crate) use parse_guard::ParseGuard;
use range_guard::guard_ranges;
pub(crate) use script_cache::ScriptCache;
pub(crate) use script_future::ScriptFuture;
pub(crate) use script_run::ScriptRun;
pub use secret::Secret;
pub(crate) use secret::Secrets;
pub(crate) use tick::{catch, look_next};
#[cfg(test)]
pub(crate) use value::MAX_NESTING;
pub(crate) use value::error_text;
pub use value::to_json;
pub(crate) use value::{Halt, Part, Walk, dismantle, output};
pub(crate) use wait::settle;
pub use wait::wait;
