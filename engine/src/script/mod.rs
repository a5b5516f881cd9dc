//! One script: its text, its run, its values, its errors.
//!
//! - `parse/`: from its text to its compiled form, with bounds on both
//! - `run/`: one run of it: yielding, waiting, ending
//! - `value/`: what becomes of its values
//! - `function/`: what every script can call and read
//! - `import/`: modules
//! - `error/`: what native functions answer instead of a value
//! - `outcome/`: the error in which it ends

mod error;
pub(crate) mod function;
mod import;
mod outcome;
mod parse;
mod run;
mod value;

pub(crate) use error::{LimitExceeded, NativeResult, Size, raise};
pub(crate) use import::Resolver;
pub(crate) use outcome::{
    Known, at, function_arities, function_names, hint, panic_error, parse_error, place_in_use, run_error,
    too_long,
};
pub(crate) use parse::{CURRY, ParseGuard, compile_script, register_range_guard};
pub(crate) use run::{
    Bound, End, LaneEngine, PanicPlace, ScriptRun, bind, catch, conclude_wait, note_captured, on_operation,
    on_progress,
};
pub use run::{FunctionCall, ModuleTexts, wait};
#[cfg(test)]
pub(crate) use value::MAX_NESTING;
pub use value::to_json;
pub(crate) use value::{
    Halt, Part, Walk, check_variables, dismantle, error_text, output, register_text, register_to_json,
};
