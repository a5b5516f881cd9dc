use std::any::TypeId;
use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult};

use super::{Arguments, BlockingPool, CallBody, Parameter, Reply};

/// A closure that scripts can call and that blocks its thread: of up to six parameters, each a
/// [`Parameter`] that can be sent to another thread, with a [`Reply`]. `P` is the tuple of the
/// parameters.
///
/// It runs on a thread of its own pool; see [`EngineConfig::max_blocking_threads`]. Nothing can
/// stop it: when its call is cancelled or takes too long, it still runs to its end, and what it
/// returns is dropped.
///
/// [`EngineConfig::max_blocking_threads`]: crate::EngineConfig::max_blocking_threads
pub trait BlockingFunction<P>: Send + Sync + 'static {
    /// The types of the arguments, for Rhai.
    #[doc(hidden)]
    fn rhai_types() -> Vec<TypeId>;

    /// Takes the arguments, and makes what is to run on the pool.
    #[doc(hidden)]
    fn begin(
        self: &Arc<Self>,
        arguments: Arguments<'_, '_>,
        pool: &BlockingPool,
    ) -> Result<CallBody, Box<EvalAltResult>>;
}

macro_rules! blocking_functions {
    ($(($($parameter:ident),*))*) => {$(
        impl<F, R, $($parameter),*> BlockingFunction<($($parameter,)*)> for F
        where
            F: Fn($($parameter),*) -> R + Send + Sync + 'static,
            R: Reply + Send + 'static,
            $($parameter: Parameter + Send + 'static,)*
        {
            fn rhai_types() -> Vec<TypeId> {
                let types: [Option<TypeId>; _] = [$($parameter::rhai_type()),*];
                types.into_iter().flatten().collect()
            }

            #[allow(unused_mut, unused_variables, non_snake_case, reason = "there may be no parameter")]
            fn begin(
                self: &Arc<Self>,
                mut arguments: Arguments<'_, '_>,
                pool: &BlockingPool,
            ) -> Result<CallBody, Box<EvalAltResult>> {
                let priority = arguments.priority();
                $(let $parameter = $parameter::take(&mut arguments)?;)*
                let (function, pool, runtime) = (Arc::clone(self), pool.clone(), arguments.runtime());
                Ok(Box::pin(async move {
                    match pool.run(priority, move || runtime.within(|| function($($parameter),*))).await {
                        Ok(reply) => reply.into_result(),
                        Err(error) => Err(Dynamic::from(error.to_string())),
                    }
                }))
            }
        }
    )*};
}

blocking_functions! {
    ()
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, G)
}
