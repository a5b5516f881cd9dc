//! What becomes of a script's values: text, JSON, a comparison, a copy that leaves the script.
//!
//! A value can contain itself, be deeper than a stack, or name its parts so often that it has no end in practice:
//! a closure holds the variables that it captures, and a hundred closures can share one variable. So everything
//! here goes through [`Walk`].
//!
//! - `walk`: [`Walk`], one pass over a value
//! - `text`, `text_writer`: as text
//! - `output`, `json`: as JSON, for the task's outcome and for the script
//! - `equality`: comparisons
//! - `sizes`: how large values are
//! - `dismantle`: drops those of a script that has ended

mod dismantle;
mod equality;
mod json;
mod output;
mod sizes;
mod text;
mod text_writer;
mod walk;

pub(crate) use dismantle::dismantle;
pub(super) use equality::{arrays_equal, equal, maps_equal};
pub(crate) use json::register as register_to_json;
pub(crate) use output::output;
pub use output::to_json;
#[cfg(test)]
pub(crate) use sizes::MAX_NESTING;
pub(crate) use sizes::check_variables;
pub(super) use sizes::copied_values;
pub(super) use text::check_text;
pub(crate) use text::error_text;
pub(crate) use text::register as register_text;
pub(crate) use walk::{Halt, Part, Walk};
