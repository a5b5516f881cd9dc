use std::any::{Any, TypeId, type_name};

use rhai::{Dynamic, EvalAltResult};
use rhai_dispatcher_core::Priority;
use serde::de::DeserializeOwned;

use super::this::This;
use crate::call::{CallError, INVALID, Runtime};
use crate::native::call::Call;
use crate::native::nesting::check_nesting;

/// What a parameter of an asynchronous or blocking function can be.
///
/// - Any type that serde can read: numbers, strings, `Vec`s, `Option`s, and structs for object maps.
/// - [`rhai::Dynamic`] for a value as it is, of whatever type.
/// - [`This<T>`] for a value of a registered type `T`, as in `product.create()`.
/// - [`Call`], which is not an argument of the script, but says which call this is.
///
/// A script can't pass values that are nested more than 127 levels deep.
///
/// A struct takes an object map, if serde can read it:
///
/// ```
/// use rhai_dispatcher_engine::EngineConfig;
///
/// #[derive(serde::Deserialize)]
/// struct Order { item: String, #[serde(default)] count: u32 }
///
/// let config = EngineConfig::new()
///     .with_async_fn("order", |order: Order| async move { format!("{} {}", order.count, order.item) });
/// // In a script: order(#{ item: "tea", count: 2 })
/// ```
///
/// ```compile_fail,E0277
/// # use rhai_dispatcher_engine::EngineConfig;
/// struct Order { item: String }
/// EngineConfig::new().with_async_fn("order", |order: Order| async move { order.item });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a parameter of a function that scripts call",
    label = "serde can't read it, or not as an owned value",
    note = "a struct or an enum of your own: derive `serde::Deserialize` for it; a script passes an object map",
    note = "a reference: take the owned value, `String` instead of `&str`, `Vec<T>` instead of `&[T]`",
    note = "a type that is registered with the engine: take `This(value): This<T>`; it is `Clone + Send + Sync`",
    note = "a value of any type: take `rhai::Dynamic` (or `serde_json::Value` in a blocking function)"
)]
pub trait Parameter: Sized + 'static {
    /// The type by which Rhai tells functions of one name apart; `Dynamic` for any. `None` if the
    /// parameter is not an argument of the script.
    #[doc(hidden)]
    fn rhai_type() -> Option<TypeId>;

    /// Takes the parameter from what is left of the arguments.
    #[doc(hidden)]
    fn take(arguments: &mut Arguments<'_, '_>) -> Result<Self, Box<EvalAltResult>>;
}

/// The parameters of a function: a tuple of up to six, each a [`Parameter`].
pub trait Parameters: Sized + 'static {
    /// The types of the arguments, for Rhai.
    #[doc(hidden)]
    fn rhai_types() -> Vec<TypeId>;

    /// Takes all of them from the arguments.
    #[doc(hidden)]
    fn take(arguments: &mut Arguments<'_, '_>) -> Result<Self, Box<EvalAltResult>>;
}

macro_rules! parameters {
    ($(($($parameter:ident),*))*) => {$(
        impl<$($parameter: Parameter),*> Parameters for ($($parameter,)*) {
            fn rhai_types() -> Vec<TypeId> {
                let types: [Option<TypeId>; _] = [$($parameter::rhai_type()),*];
                types.into_iter().flatten().collect()
            }

            #[allow(unused_variables, clippy::unused_unit, reason = "there may be no parameter")]
            fn take(arguments: &mut Arguments<'_, '_>) -> Result<Self, Box<EvalAltResult>> {
                Ok(($($parameter::take(arguments)?,)*))
            }
        }
    )*};
}

parameters! {
    ()
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
}

/// The arguments of one call that have not been taken yet.
#[derive(Debug)]
pub struct Arguments<'a, 'b> {
    call: &'a Call,
    values: &'a mut [&'b mut Dynamic],
    taken: usize,
}

impl<'a, 'b> Arguments<'a, 'b> {
    pub(in crate::native) fn new(call: &'a Call, values: &'a mut [&'b mut Dynamic]) -> Self {
        Self { call, values, taken: 0 }
    }

    /// How urgent the call is.
    pub(in crate::native) fn priority(&self) -> Priority {
        self.call.task().priority()
    }

    /// What a blocking function runs within.
    pub(in crate::native) fn runtime(&self) -> Runtime {
        self.call.task().config().runtime.clone()
    }

    fn next(&mut self) -> Result<Dynamic, Box<EvalAltResult>> {
        let index = self.taken;
        self.taken += 1;
        let Some(value) = self.values.get_mut(index) else { return Err("an argument is missing".into()) };
        check_nesting(value).map_err(|problem| self.error(problem))?;
        let value = &mut self.values[index];
        // The first one may be a variable of the script; the others are ours.
        Ok(if index == 0 { value.flatten_clone() } else { std::mem::take(*value).flatten() })
    }

    /// The error about the argument that was taken last.
    fn error(&self, problem: impl std::fmt::Display) -> Box<EvalAltResult> {
        CallError::new(INVALID, format!("argument {} of `{}`: {problem}", self.taken, self.call.function()))
            .into()
    }
}

impl Parameter for Call {
    fn rhai_type() -> Option<TypeId> {
        None
    }

    fn take(arguments: &mut Arguments<'_, '_>) -> Result<Self, Box<EvalAltResult>> {
        Ok(arguments.call.clone())
    }
}

impl<T: Clone + Send + Sync + 'static> Parameter for This<T> {
    fn rhai_type() -> Option<TypeId> {
        Some(TypeId::of::<T>())
    }

    fn take(arguments: &mut Arguments<'_, '_>) -> Result<Self, Box<EvalAltResult>> {
        let value = arguments.next()?;
        let found = value.type_name();
        match value.try_cast::<T>() {
            Some(value) => Ok(Self(value)),
            None => Err(arguments.error(format!("it is a {found}, not a {}", type_name::<T>()))),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + 'static> Parameter for T {
    fn rhai_type() -> Option<TypeId> {
        Some(TypeId::of::<Dynamic>())
    }

    fn take(arguments: &mut Arguments<'_, '_>) -> Result<Self, Box<EvalAltResult>> {
        let mut value = Some(arguments.next()?);
        // A `Dynamic` is passed on as it is: it may hold what serde does not know.
        let mut asked: Option<T> = None;
        if let Some(asked) = (&mut asked as &mut dyn Any).downcast_mut::<Option<Dynamic>>() {
            *asked = value.take();
        }
        match (asked, value) {
            (Some(asked), _) => Ok(asked),
            (None, Some(value)) => {
                rhai::serde::from_dynamic(&value).map_err(|error| arguments.error(plain(*error)))
            }
            (None, None) => Err("an argument is missing".into()),
        }
    }
}

/// The text of a conversion's error, without the position, which it does not have.
fn plain(error: EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorMismatchOutputType(expected, found, _) => {
            format!("it is a {found}, not a {expected}")
        }
        error => error.to_string(),
    }
}
