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
mod script_call;
mod this;

use std::time::Duration;

use rhai::{Dynamic, EvalAltResult, Position};
pub use rhai_dispatcher_core::{Acquire, BlockingPool, Slot, Slots};

pub use async_fn_config::AsyncFnConfig;
pub use async_function::AsyncFunction;
pub use blocking_function::{BlockingFunction, Sendable};
pub use call::Call;
pub(crate) use call_error::{CallError, INVALID, MAX_MESSAGE, PANIC, TOO_LARGE};
pub(crate) use call_future::{CallBody, CallEnd, CallFuture};
pub(crate) use function::Function;
pub use into_error::{IntoError, Thrown};
pub use into_value::{IntoValue, Serialized};
pub(crate) use nesting::check_nesting;
pub use parameter::{Arguments, Parameter, Parameters};
pub use reply::Reply;
pub(crate) use reply_size::check_reply;
pub(crate) use runtime::Runtime;
pub(crate) use script_call::caught;
pub use script_call::script_call;
pub use this::This;

/// The error that throws `value`.
pub(crate) fn throw(value: Dynamic) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(value, Position::NONE).into()
}

/// The error of a call that took too long.
pub(crate) fn timed_out(function: &str, timeout: Duration) -> Box<EvalAltResult> {
    CallError::new("timeout", format!("`{function}` took longer than its timeout of {timeout:?}")).into()
}
