use std::future::Future;

/// A closure or function that scripts can call and that returns a future: of up to six parameters, each a
/// [`Parameter`](crate::Parameter), with a [`Reply`](crate::Reply) as the future's output. `P` is the tuple of the
/// parameters.
///
/// The closure is called on the script's fiber, and its future is polled on the script's thread, so
/// the future needs no `Send`. It must not block. It is polled without any runtime, unless one of tokio's is
/// given with `EngineConfig::with_tokio` (feature `tokio`).
///
/// The future is dropped when the call is cancelled, its time is up or its task ends; that has to
/// leave nothing half done.
///
/// Parameters are owned values. A reference does not compile:
///
/// ```compile_fail,E0277
/// # use rhai_dispatcher_engine::EngineConfig;
/// EngineConfig::new().with_async_fn("length", |names: &'static [String]| async move { names.len() });
/// ```
///
/// `Vec<String>` does. So does no closure that captures what its thread can't share:
///
/// ```compile_fail,E0277
/// # use rhai_dispatcher_engine::EngineConfig;
/// let names = std::rc::Rc::new(vec!["Ada"]);
/// EngineConfig::new().with_async_fn("count", move || {
///     let count = names.len();
///     async move { count }
/// });
/// ```
///
/// An `Arc` does.
#[diagnostic::on_unimplemented(
    message = "scripts can't call `{Self}` as an asynchronous function",
    label = "not an `AsyncFunction`",
    note = "it is a closure or a function of up to six parameters that returns a future: `|name: String| async move {{ … }}`",
    note = "each parameter has its type written out, and is an owned value: `String` instead of `&str`",
    note = "what it captures is `Send + Sync + 'static`: use `move`, and an `Arc` instead of an `Rc` or a reference",
    note = "a function without a future is one for `with_blocking_fn`, or for `with_setup` if it takes less than a millisecond"
)]
pub trait AsyncFunction<P>: Send + Sync + 'static {
    /// What the future is ready with.
    type Reply;
    /// What it returns.
    type Future: Future<Output = Self::Reply> + 'static;

    /// Begins a call.
    #[doc(hidden)]
    fn begin(&self, parameters: P) -> Self::Future;
}

macro_rules! async_functions {
    ($(($($parameter:ident),*))*) => {$(
        impl<F, Fut, $($parameter),*> AsyncFunction<($($parameter,)*)> for F
        where
            F: Fn($($parameter),*) -> Fut + Send + Sync + 'static,
            Fut: Future + 'static,
        {
            type Reply = Fut::Output;
            type Future = Fut;

            #[allow(non_snake_case, clippy::unused_unit, reason = "there may be no parameter")]
            fn begin(&self, ($($parameter,)*): ($($parameter,)*)) -> Fut {
                self($($parameter),*)
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
