use std::any::TypeId;
use std::future::Future;

use futures::future::LocalBoxFuture;
use rhai::{Dynamic, EvalAltResult};

use super::{Arguments, Parameter, Reply};

/// A closure that scripts can call and that returns a future: of up to six parameters, each a
/// [`Parameter`], with a [`Reply`] as the future's output. `P` is the tuple of the parameters.
///
/// The closure is called on the script's fiber, and its future is polled on the script's thread, so
/// the future needs no `Send`. It must not block. It is polled without any runtime, unless one of tokio's is
/// given with `EngineConfig::with_tokio` (feature `tokio`).
///
/// The future is dropped when the call is cancelled, its time is up or its task ends; that has to
/// leave nothing half done.
pub trait AsyncFunction<P>: Send + Sync + 'static {
    /// The types of the arguments, for Rhai.
    #[doc(hidden)]
    fn rhai_types() -> Vec<TypeId>;

    /// Takes the arguments, and begins.
    #[doc(hidden)]
    fn begin(&self, arguments: Arguments<'_, '_>) -> Result<CallBody, Box<EvalAltResult>>;
}

/// What a call does: the script's value, or what is thrown.
pub type CallBody = LocalBoxFuture<'static, Result<Dynamic, Dynamic>>;

macro_rules! async_functions {
    ($(($($parameter:ident),*))*) => {$(
        impl<F, Fut, $($parameter),*> AsyncFunction<($($parameter,)*)> for F
        where
            F: Fn($($parameter),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output: Reply> + 'static,
            $($parameter: Parameter,)*
        {
            fn rhai_types() -> Vec<TypeId> {
                let types: [Option<TypeId>; _] = [$($parameter::rhai_type()),*];
                types.into_iter().flatten().collect()
            }

            #[allow(unused_mut, unused_variables, non_snake_case, reason = "there may be no parameter")]
            fn begin(&self, mut arguments: Arguments<'_, '_>) -> Result<CallBody, Box<EvalAltResult>> {
                $(let $parameter = $parameter::take(&mut arguments)?;)*
                let future = self($($parameter),*);
                Ok(Box::pin(async move { future.await.into_result() }))
            }
        }
    )*};
}

async_functions! {
    ()
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, G)
}
