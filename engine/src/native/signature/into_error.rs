use std::any::Any;
use std::fmt::Display;

use rhai::{Dynamic, EvalAltResult};
use serde::Serialize;

use super::into_value::{IntoValue, thrown_value};
use crate::call::CallError;

/// The error of a function that scripts call: any type that prints (`Display`), and [`Thrown`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that a script can catch",
    label = "it does not print (`Display`)",
    note = "an error of your own: implement `Display` for it, with `thiserror` or by hand",
    note = "an error that is data: derive `serde::Serialize`, and return `Err(Thrown(error))` or `result.map_err(Thrown)`",
    note = "an error that is only `Debug`: `result.map_err(|error| format!(\"{{error:?}}\"))`"
)]
pub trait IntoError {
    /// What is thrown.
    #[doc(hidden)]
    fn into_error(self) -> Dynamic;
}

/// An error of any type that serde can write. A script finds it as the `value` of what it catches; its properties `kind`
/// and `message`, if they are strings, are also those of what is caught; otherwise the message is its JSON text.
///
/// ```
/// use rhai_dispatcher_engine::{EngineConfig, Thrown};
///
/// #[derive(serde::Serialize)]
/// struct Declined { message: &'static str, code: u32 }
///
/// let config = EngineConfig::new().with_async_fn("charge", |cents: i64| async move {
///     if cents > 0 { Ok("paid") } else { Err(Thrown(Declined { message: "not enough", code: 402 })) }
/// });
/// // In a script: try { charge(0) } catch (e) { e.value.code } is 402, and e.message is "not enough".
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thrown<E>(pub E);

#[diagnostic::do_not_recommend]
impl<E: Display + 'static> IntoError for E {
    fn into_error(self) -> Dynamic {
        let mut error = Some(self);
        let any: &mut dyn Any = &mut error;
        if let Some(error) = any.downcast_mut::<Option<Dynamic>>().and_then(Option::take) {
            return error;
        }
        if let Some(error) = any.downcast_mut::<Option<Box<EvalAltResult>>>().and_then(Option::take) {
            return thrown_value(*error);
        }
        error.map(|error| error.to_string()).unwrap_or_default().into()
    }
}

impl<E: Serialize + 'static> IntoError for Thrown<E> {
    fn into_error(self) -> Dynamic {
        let text = serde_json::to_string(&self.0);
        match self.0.into_value() {
            Ok(value) => CallError::of_value(value, || text.unwrap_or_default()).into(),
            Err(problem) => problem,
        }
    }
}
