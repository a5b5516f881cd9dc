//! Asynchronous functions: what can be registered, and one call of such a function.

mod async_fn_config;
mod async_function;
mod blocking_function;
#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod call;
mod call_error;
mod call_future;
mod function;
mod into_error;
mod into_value;
mod nesting;
mod parameter;
mod reply;
mod reply_size;
mod runtime;

use std::time::Duration;

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};
pub use rhai_dispatcher_core::{Acquire, BlockingPool, Slot, Slots};

use crate::script::note_panics;

pub use async_fn_config::AsyncFnConfig;
pub use async_function::AsyncFunction;
pub use blocking_function::{BlockingFunction, Sendable};
pub use call::Call;
pub(crate) use call_error::{CallError, INVALID, PANIC, TOO_LARGE};
pub(crate) use call_future::{CallBody, CallEnd, CallFuture};
pub(crate) use function::Function;
pub use into_error::{IntoError, Thrown};
pub use into_value::{IntoValue, Serialized};
pub(crate) use nesting::check_nesting;
pub use parameter::{Arguments, Parameter, Parameters, This};
pub use reply::Reply;
pub(crate) use reply_size::check_reply;
pub(crate) use runtime::Runtime;

/// The longest message of an error, in bytes. What a script throws can be longer.
pub(crate) const MAX_MESSAGE: usize = 8 * 1024;

/// The error that throws `value`.
pub(crate) fn throw(value: Dynamic) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(value, Position::NONE).into()
}

/// The error of a call that took too long.
pub(crate) fn timed_out(function: &str, timeout: Duration) -> Box<EvalAltResult> {
    CallError::new("timeout", format!("`{function}` took longer than its timeout of {timeout:?}")).into()
}

/// Calls `f`, the body of a function that [`EngineConfig::with_setup`](crate::EngineConfig::with_setup) registers and that
/// the script calls at `context`. What `f` throws is caught as an object map with `kind`, `message`, `value` and `line`, as
/// errors of asynchronous functions are ([`Reply`]); the error of a panic has the script's line.
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
    note_panics(context, f).map_err(|error| match *error {
        EvalAltResult::ErrorRuntime(value, position) => {
            EvalAltResult::ErrorRuntime(CallError::caught(value, context.call_position()), position).into()
        }
        other => other.into(),
    })
}
