//! The error in which a task ends.
//!
//! - `task_error`: makes it of Rhai's
//! - `hint`: the name that may have been meant, for its message

mod hint;
mod task_error;

pub(crate) use hint::{Known, function_names, hint};
pub(crate) use task_error::{panic_error, parse_error, run_error, too_long};
