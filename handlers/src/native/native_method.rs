use std::any::Any;
use std::fmt::{self, Display};
use std::future::Future;
use std::sync::Arc;

use futures::future::{self, BoxFuture};
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::layers::MethodCall;
use crate::params::Params;

/// An async function that can be a method: `|params: P| async move { Ok::<R, E>(…) }`, the same without parameters, or with
/// the [`MethodCall`] before them: `|call: MethodCall, params: P| …`.
///
/// - `P` is a struct that derives `serde::Deserialize` and `schemars::JsonSchema`; a call has its fields by name, or by
///   position in their order. A tuple has them by position only. Any other type is one parameter.
/// - `R` is any type that serde can write as JSON.
/// - `E` is any type that prints; the call ends in an error of kind `runtime` with that text. A
///   [`TaskError`] is the error of the call as it is, with its kind and value.
///
/// The future is polled on a lane of the worker, beside other calls and scripts, and must not block. It is dropped when
/// the call is cancelled or its time is up; that has to leave nothing half done.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a method",
    label = "not a `NativeMethod`",
    note = "it is a closure or a function of one parameter that returns a future: `|params: P| async move {{ Ok::<_, String>(…) }}`",
    note = "the parameter derives `serde::Deserialize` and `schemars::JsonSchema`; the future is `Send`, and ready with a `Result`",
    note = "what it captures is `Send + Sync + 'static`: use `move`, and an `Arc` instead of an `Rc` or a reference"
)]
pub trait NativeMethod<Args>: Send + Sync + 'static {
    /// The method, without the types of its parameters.
    #[doc(hidden)]
    fn into_method(self) -> Method;
}

/// A method, without the types of its parameters.
#[derive(Clone)]
#[doc(hidden)]
pub struct Method {
    pub(crate) params: Arc<Params>,
    run: Arc<dyn Fn(MethodCall) -> BoxFuture<'static, Result<Json, TaskError>> + Send + Sync>,
}

impl Method {
    /// Begins a call.
    pub(crate) fn call(&self, call: MethodCall) -> BoxFuture<'static, Result<Json, TaskError>> {
        (self.run)(call)
    }

    fn new<P, Fut, R, E>(begin: impl Fn(MethodCall, P) -> Fut + Send + Sync + 'static) -> Self
    where
        P: DeserializeOwned + JsonSchema,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: Serialize,
        E: Display + 'static,
    {
        let params = Arc::new(Params::of::<P>());
        let of_run = Arc::clone(&params);
        let run = move |call: MethodCall| -> BoxFuture<'static, _> {
            let values = match of_run.read::<P>(&call.params) {
                Ok(values) => values,
                Err(error) => return Box::pin(future::ready(Err(error))),
            };
            let running = begin(call, values);
            Box::pin(async move {
                let value = running.await.map_err(task_error)?;
                Json::of(&value).map_err(|error| {
                    let message = format!("what the method returned has no JSON form: {error}");
                    TaskError::new(TaskErrorKind::Output, message)
                })
            })
        };
        Self { params, run: Arc::new(run) }
    }
}

impl<F, Fut, R, E> NativeMethod<()> for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: Serialize,
    E: Display + 'static,
{
    fn into_method(self) -> Method {
        Method::new(move |_, ()| self())
    }
}

impl<F, P, Fut, R, E> NativeMethod<(P,)> for F
where
    F: Fn(P) -> Fut + Send + Sync + 'static,
    P: DeserializeOwned + JsonSchema,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: Serialize,
    E: Display + 'static,
{
    fn into_method(self) -> Method {
        Method::new(move |_, params: P| self(params))
    }
}

impl<F, P, Fut, R, E> NativeMethod<(MethodCall, P)> for F
where
    F: Fn(MethodCall, P) -> Fut + Send + Sync + 'static,
    P: DeserializeOwned + JsonSchema,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: Serialize,
    E: Display + 'static,
{
    fn into_method(self) -> Method {
        Method::new(self)
    }
}

/// The error of a call whose function returned `error`.
fn task_error<E: Display + 'static>(error: E) -> TaskError {
    let mut error = Some(error);
    let any: &mut dyn Any = &mut error;
    if let Some(error) = any.downcast_mut::<Option<TaskError>>().and_then(Option::take) {
        return error;
    }
    let message = error.map(|error| error.to_string()).unwrap_or_default();
    TaskError::new(TaskErrorKind::Runtime, message)
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method").field("params", &self.params).finish_non_exhaustive()
    }
}
