use std::panic::{self, AssertUnwindSafe};

use rhai::{Dynamic, EvalAltResult, Position};

use super::progress::on_progress;
use super::script_run::ScriptRun;

/// The payload of the panic that ends a script which interpolates strings. It is not a fault, and no panic hook hears
/// of it.
struct Unwinding;

/// What Rhai calls at each operation. `Some` ends the script.
///
/// Where Rhai interpolates a string, an operation comes before the call of `to_string`, and an error of it is taken for
/// one of `to_string`: Rhai then writes the whole value by itself, however long that takes. So a script that has such
/// strings is ended by unwinding, up to [`catch`].
pub(crate) fn on_operation() -> Option<Dynamic> {
    let token = on_progress()?;
    if ScriptRun::with_current(ScriptRun::interpolates).unwrap_or_default() {
        panic::resume_unwind(Box::new(Unwinding));
    }
    Some(token)
}

/// Calls `f`, which runs a script, and catches what [`on_operation`] ends it by.
pub(crate) fn catch<T>(f: impl FnOnce() -> Result<T, Box<EvalAltResult>>) -> Result<T, Box<EvalAltResult>> {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result,
        Err(payload) if payload.is::<Unwinding>() => {
            Err(EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into())
        }
        Err(panic) => panic::resume_unwind(panic),
    }
}
