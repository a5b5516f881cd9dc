//! What becomes of a script's values: text, JSON, a comparison, a copy that leaves the script.
//!
//! A value can contain itself, be deeper than a stack, or name its parts so often that it has no end in practice:
//! a closure holds the variables that it captures, and a hundred closures can share one variable. So everything
//! here goes through [`Walk`].

mod dismantle;
mod equality;
mod json;
mod output;
mod sizes;
mod text;
mod walk;

pub(crate) use dismantle::dismantle;
pub(super) use equality::{arrays_equal, equal, maps_equal};
pub(super) use json::register as register_to_json;
pub(crate) use output::output;
pub use output::to_json;
#[cfg(test)]
pub(crate) use sizes::MAX_NESTING;
pub(super) use sizes::{check_variables, copied_values};
pub(crate) use text::error_text;
pub(super) use text::{check_text, register as register_text};
pub(crate) use walk::{Halt, Part, Walk};
