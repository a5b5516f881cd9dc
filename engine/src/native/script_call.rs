use std::panic::{self, AssertUnwindSafe};

use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext, Position};

use super::reply_size::check_reply;
use crate::call::{CallError, RUNTIME};
use crate::script::{PanicPlace, ScriptRun, error_text};

/// Calls `f`, the body of a function that [`EngineConfig::with_setup`](crate::EngineConfig::with_setup) registers and that
/// the script calls at `context`. What `f` throws is caught as an object map with `kind`, `message`, `value` and `line`, as
/// errors of asynchronous functions are ([`Reply`](crate::Reply)); the error of a panic has the script's line.
///
/// ```
/// use rhai::{EvalAltResult, NativeCallContext};
/// use rhai_dispatcher_engine::{EngineConfig, script_call};
///
/// let config = EngineConfig::new().with_setup(|engine| {
///     engine.register_fn("half", |context: NativeCallContext<'_>, number: i64| {
///         script_call(&context, || -> Result<i64, Box<EvalAltResult>> {
///             if number % 2 == 0 { Ok(number / 2) } else { Err("the number is odd".into()) }
///         })
///     });
/// });
/// // In a script: try { half(3) } catch (e) { e.message } is "the number is odd".
/// ```
///
/// # Errors
/// Those of `f`.
pub fn script_call<T>(
    context: &NativeCallContext<'_>,
    f: impl FnOnce() -> Result<T, Box<EvalAltResult>>,
) -> Result<T, Box<EvalAltResult>> {
    let outer = ScriptRun::with_current(|run| run.call_trace().enter(context));
    let result = note_panics(context, f);
    if let Some(outer) = outer {
        ScriptRun::with_current(|run| run.call_trace().leave(outer));
    }
    result.map_err(|error| match *error {
        EvalAltResult::ErrorRuntime(value, position) => {
            EvalAltResult::ErrorRuntime(caught(value, context.call_position()), position).into()
        }
        other => other.into(),
    })
}

/// What a script catches of an error that a call has thrown at `position`. An object map with the strings `kind` and
/// `message` stays what it is, and gets the rest.
pub(crate) fn caught(error: Dynamic, position: Position) -> Dynamic {
    let mut map = match error.try_cast_result::<Map>() {
        Ok(map) if CallError::is_shape(&map) => map,
        Ok(map) => of_thrown(map.into()).into_map(),
        Err(error) => of_thrown(error).into_map(),
    };
    let value = map.entry("value".into()).or_insert(Dynamic::UNIT);
    // Rhai would end the script for it, which can't help what others throw.
    if ScriptRun::with_current(|run| check_reply(run, value)).is_some_and(|checked| checked.is_err()) {
        *value = Dynamic::UNIT;
    }
    let line = position.line().and_then(|line| i64::try_from(line).ok());
    map.insert("line".into(), line.map_or(Dynamic::UNIT, Dynamic::from));
    map.into()
}

/// What a call has thrown that has no kind of its own.
fn of_thrown(error: Dynamic) -> CallError {
    let message = error_text(&error);
    match error.is_string() {
        true => CallError::new(RUNTIME, message),
        false => CallError::new(RUNTIME, message).with_value(error),
    }
}

/// Calls `f`, which is called by the script at `context`. If it panics, the panic continues, and the task's error will have the
/// line.
fn note_panics<T>(context: &NativeCallContext<'_>, f: impl FnOnce() -> T) -> T {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => value,
        Err(panic) => {
            let module = context.call_source().filter(|source| !source.is_empty()).map(str::to_owned);
            let place = PanicPlace { position: context.call_position(), module };
            ScriptRun::with_current(|run| run.note_panic(place));
            panic::resume_unwind(panic)
        }
    }
}
