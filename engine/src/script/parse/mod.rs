//! From the text of a script to its compiled form.
//!
//! - `compile`: parses, optimises and guards
//! - `parse_guard/`: bounds on what Rhai's parser does, token by token
//! - `range_guard/`: bounds on assignments to a range of a string, in a compiled form

mod compile;
mod parse_guard;
mod range_guard;

pub(crate) use compile::{compile, compile_script};
pub(crate) use parse_guard::{CURRY, ParseGuard};
pub(crate) use range_guard::register as register_range_guard;
