use std::any::Any;
use std::fmt::Display;

use rhai::{Dynamic, EvalAltResult};
use serde::Serialize;

use super::This;

/// What an asynchronous or blocking function can return: a `Result` whose value is any that serde can
/// write (or a [`Dynamic`], or a registered type in [`This`]) and whose error prints; or, of a
/// function that can't fail, a plain value. For a [`rhai::Map`] return `Dynamic::from(map)`.
///
/// An error becomes one that the script can catch: its text, or the value itself if the error is a
/// `Dynamic`.
pub trait Reply {
    /// What the script gets: a value, or what is thrown.
    #[doc(hidden)]
    fn into_result(self) -> Result<Dynamic, Dynamic>;
}

/// What a successful call can give to a script.
pub trait IntoValue {
    /// The script's value.
    #[doc(hidden)]
    fn into_value(self) -> Result<Dynamic, Dynamic>;
}

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
        rhai::serde::to_dynamic(value).map_err(|error| thrown(*error))
    }
}

impl<T: Clone + Send + Sync + 'static> IntoValue for This<T> {
    fn into_value(self) -> Result<Dynamic, Dynamic> {
        Ok(Dynamic::from(self.0))
    }
}

impl<T: IntoValue, E: Display + 'static> Reply for Result<T, E> {
    fn into_result(self) -> Result<Dynamic, Dynamic> {
        let error = match self {
            Ok(value) => return value.into_value(),
            Err(error) => error,
        };
        let mut error = Some(error);
        let any: &mut dyn Any = &mut error;
        if let Some(error) = any.downcast_mut::<Option<Dynamic>>().and_then(Option::take) {
            return Err(error);
        }
        if let Some(error) = any.downcast_mut::<Option<Box<EvalAltResult>>>().and_then(Option::take) {
            return Err(thrown(*error));
        }
        Err(error.map(|error| error.to_string()).unwrap_or_default().into())
    }
}

/// What a script catches of an error.
fn thrown(error: EvalAltResult) -> Dynamic {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => value,
        error => error.to_string().into(),
    }
}

macro_rules! plain {
    ($($type:ty),*) => {
        $(impl Reply for $type {
            fn into_result(self) -> Result<Dynamic, Dynamic> {
                self.into_value()
            }
        })*
    };
}

plain!((), bool, char, i8, i16, i32, i64, u8, u16, u32, u64, isize, usize, f32, f64);
plain!(String, &'static str, Dynamic, serde_json::Value);

impl<T: Serialize + 'static> Reply for Vec<T> {
    fn into_result(self) -> Result<Dynamic, Dynamic> {
        self.into_value()
    }
}

impl<T: Serialize + 'static> Reply for Option<T> {
    fn into_result(self) -> Result<Dynamic, Dynamic> {
        self.into_value()
    }
}

impl<T: Clone + Send + Sync + 'static> Reply for This<T> {
    fn into_result(self) -> Result<Dynamic, Dynamic> {
        self.into_value()
    }
}
