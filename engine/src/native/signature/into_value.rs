use std::any::Any;

use rhai::{Dynamic, EvalAltResult};
use serde::Serialize;

use super::this::This;

/// What a successful call can give to a script: any type that serde can write, [`This`] and [`Serialized`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value that a script can get",
    label = "serde can't write it",
    note = "a struct or an enum of your own: derive `serde::Serialize` for it",
    note = "a type that is registered with the engine: return it in `This(…)`; it is `Clone + Send + Sync`",
    note = "a value of Rhai's: return `rhai::Dynamic::from(value)`"
)]
pub trait IntoValue {
    /// The script's value.
    #[doc(hidden)]
    fn into_value(self) -> Result<Dynamic, Dynamic>;
}

/// A result of any type that serde can write, of a function that can't fail: a struct becomes an object map.
///
/// ```
/// use rhai_dispatcher_engine::{EngineConfig, Serialized};
///
/// #[derive(serde::Serialize)]
/// struct Product { name: String, cents: i64 }
///
/// let config = EngineConfig::new().with_async_fn("product", |name: String| async move {
///     Serialized(Product { name, cents: 500 })
/// });
/// // In a script: product("tea").cents is 500.
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serialized<T>(pub T);

#[diagnostic::do_not_recommend]
impl<T: Serialize + 'static> IntoValue for T {
    fn into_value(self) -> Result<Dynamic, Dynamic> {
        let mut value = Some(self);
        // What is Rhai's own is passed on as it is: it may hold what serde does not know.
        let any: &mut dyn Any = &mut value;
        if let Some(value) = any.downcast_mut::<Option<Dynamic>>().and_then(Option::take) {
            return Ok(value);
        }
        if let Some(value) = any.downcast_mut::<Option<rhai::Array>>().and_then(Option::take) {
            return Ok(value.into());
        }
        if let Some(value) = any.downcast_mut::<Option<String>>().and_then(Option::take) {
            return Ok(value.into());
        }
        rhai::serde::to_dynamic(value).map_err(|error| thrown_value(*error))
    }
}

impl<T: Clone + Send + Sync + 'static> IntoValue for This<T> {
    fn into_value(self) -> Result<Dynamic, Dynamic> {
        Ok(Dynamic::from(self.0))
    }
}

impl<T: Serialize + 'static> IntoValue for Serialized<T> {
    fn into_value(self) -> Result<Dynamic, Dynamic> {
        self.0.into_value()
    }
}

/// What a script catches of an error of Rhai's.
pub(super) fn thrown_value(error: EvalAltResult) -> Dynamic {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => value,
        error => error.to_string().into(),
    }
}
