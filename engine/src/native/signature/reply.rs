use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use rhai::Dynamic;
use serde::Serialize;

use super::into_error::IntoError;
use super::into_value::{IntoValue, Serialized};
use super::this::This;

/// What an asynchronous or blocking function can return.
///
/// - `Result<T, E>`. `T` is any type that serde can write, [`This`] or a value of Rhai's. `E` is any type that prints, or
///   [`Thrown`](crate::Thrown) for an error that is data.
/// - Of a function that can't fail, a plain value: a number, a text, an `Option`, a `Vec`, a map, a set, a tuple, an
///   array, a [`Dynamic`], a `serde_json::Value`, [`This`]; or [`Serialized`] with any type that serde can write.
/// - For a [`rhai::Map`], which serde can't write, `Dynamic::from(map)`.
///
/// A script catches an error as an object map with `kind`, `message`, `value` and `line`. For an `E` that prints the kind
/// is `runtime`, and the message its text. A `Dynamic` is thrown as the `value`; one that is an object map with the strings
/// `kind` and `message` is caught as it is, with `value` and `line` added.
///
/// ```
/// use std::collections::HashMap;
/// use rhai_dispatcher_engine::{EngineConfig, Serialized};
///
/// #[derive(serde::Serialize)]
/// struct User { name: String }
///
/// let config = EngineConfig::new()
///     .with_async_fn("stock", || async { HashMap::from([("tea", 3), ("milk", 0)]) })
///     .with_async_fn("user", |name: String| async move { Serialized(User { name }) })
///     .with_blocking_fn("read_user", |path: String| {
///         std::fs::read_to_string(path).map(|name| User { name })
///     });
/// ```
///
/// A struct of your own is a result in an `Ok` or in [`Serialized`], and not by itself:
///
/// ```compile_fail,E0277
/// # use rhai_dispatcher_engine::EngineConfig;
/// #[derive(serde::Serialize)]
/// struct User { name: String }
/// EngineConfig::new().with_async_fn("user", |name: String| async move { User { name } });
/// ```
///
/// An error has to print, or to be in a [`Thrown`](crate::Thrown):
///
/// ```compile_fail,E0277
/// # use rhai_dispatcher_engine::EngineConfig;
/// #[derive(Debug, serde::Serialize)]
/// struct Declined { code: u32 }
/// EngineConfig::new().with_async_fn("charge", || async { Err::<(), _>(Declined { code: 402 }) });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a result of a function that scripts call",
    label = "not a `Reply`",
    note = "a type of your own that serde can write: return it as `Ok::<_, String>(value)`, or as `Serialized(value)`",
    note = "a type that is registered with the engine: return it as `This(value)`",
    note = "any other type: return what a script can use of it, such as `value.to_string()`"
)]
pub trait Reply {
    /// What the script gets: a value, or what is thrown.
    #[doc(hidden)]
    fn into_result(self) -> Result<Dynamic, Dynamic>;
}

impl<T: IntoValue, E: IntoError> Reply for Result<T, E> {
    fn into_result(self) -> Result<Dynamic, Dynamic> {
        match self {
            Ok(value) => value.into_value(),
            Err(error) => Err(error.into_error()),
        }
    }
}

// One for all that is `Serialize` would be one for `Result` as well.
macro_rules! plain {
    ($([$($generics:tt)*] $type:ty;)*) => {
        $(impl<$($generics)*> Reply for $type {
            fn into_result(self) -> Result<Dynamic, Dynamic> {
                self.into_value()
            }
        })*
    };
}

plain! {
    [] (); [] bool; [] char;
    [] i8; [] i16; [] i32; [] i64; [] isize;
    [] u8; [] u16; [] u32; [] u64; [] usize;
    [] f32; [] f64;
    [] String; [] &'static str; [] Cow<'static, str>; [] Box<str>; [] Arc<str>; [] rhai::ImmutableString;
    [] Dynamic; [] serde_json::Value;
    [T: Serialize + 'static] Option<T>;
    [T: Serialize + 'static] Vec<T>;
    [T: Serialize + 'static] VecDeque<T>;
    [T: Serialize + 'static] BTreeSet<T>;
    [T: Serialize + 'static, S: BuildHasher + 'static] HashSet<T, S>;
    [K: Serialize + 'static, V: Serialize + 'static] BTreeMap<K, V>;
    [K: Serialize + 'static, V: Serialize + 'static, S: BuildHasher + 'static] HashMap<K, V, S>;
    [A: Serialize + 'static] (A,);
    [A: Serialize + 'static, B: Serialize + 'static] (A, B);
    [A: Serialize + 'static, B: Serialize + 'static, C: Serialize + 'static] (A, B, C);
    [A: Serialize + 'static, B: Serialize + 'static, C: Serialize + 'static, D: Serialize + 'static] (A, B, C, D);
    [T: Clone + Send + Sync + 'static] This<T>;
    [T: Serialize + 'static] Serialized<T>;
}

impl<T, const N: usize> Reply for [T; N]
where
    [T; N]: Serialize + 'static,
{
    fn into_result(self) -> Result<Dynamic, Dynamic> {
        self.into_value()
    }
}
