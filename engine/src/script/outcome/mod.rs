//! The error in which a task ends.
//!
//! - `task_error`: makes it of Rhai's
//! - `in_use`: for a value that is used while a function that it was called on still runs
//! - `hint`: the name that may have been meant, for its message

mod hint;
mod in_use;
mod task_error;

pub(crate) use hint::{Known, function_arities, function_names, hint};
pub(crate) use in_use::place_in_use;
pub(crate) use task_error::{at, panic_error, parse_error, run_error, too_long};
