/// A closure or function that scripts can call and that blocks its thread: of up to six parameters, each a
/// [`Parameter`](crate::Parameter) that can be sent to another thread, with a [`Reply`](crate::Reply). `P` is the tuple of
/// the parameters.
///
/// It runs on a thread of its own pool; see [`EngineConfig::max_blocking_threads`]. Nothing can
/// stop it: when its call is cancelled or takes too long, it still runs to its end, and what it
/// returns is dropped.
///
/// A value that has to stay on its thread is refused as a parameter, as a `Dynamic` without the feature `sync`:
///
#[cfg_attr(not(feature = "sync"), doc = "```compile_fail,E0277")]
#[cfg_attr(feature = "sync", doc = "```")]
/// # use rhai_dispatcher_engine::EngineConfig;
/// EngineConfig::new().with_blocking_fn("echo", |value: rhai::Dynamic| value.to_string());
/// ```
///
/// A `serde_json::Value` is one.
///
/// [`EngineConfig::max_blocking_threads`]: crate::EngineConfig::max_blocking_threads
#[diagnostic::on_unimplemented(
    message = "scripts can't call `{Self}` as a blocking function",
    label = "not a `BlockingFunction`",
    note = "it is a closure or a function of up to six parameters: `|name: String| std::fs::read_to_string(name)`",
    note = "each parameter has its type written out, and is an owned value: `String` instead of `&str`",
    note = "what it captures is `Send + Sync + 'static`: use `move`, and an `Arc` instead of an `Rc` or a reference"
)]
pub trait BlockingFunction<P>: Send + Sync + 'static {
    /// What it returns.
    type Reply;

    /// Runs to its end.
    #[doc(hidden)]
    fn run(&self, parameters: P) -> Self::Reply;
}

/// What can be sent to another thread: any type that is `Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be sent to the thread of a blocking function",
    label = "not `Send`",
    note = "take and return `serde_json::Value` instead of `rhai::Dynamic`, `String` instead of `rhai::ImmutableString`",
    note = "a function that needs the script's thread is one for `with_async_fn`, which must not block, or for `with_setup`"
)]
pub trait Sendable: Send {}

#[diagnostic::do_not_recommend]
impl<T: Send> Sendable for T {}

macro_rules! blocking_functions {
    ($(($($parameter:ident),*))*) => {$(
        impl<F, R, $($parameter),*> BlockingFunction<($($parameter,)*)> for F
        where
            F: Fn($($parameter),*) -> R + Send + Sync + 'static,
        {
            type Reply = R;

            #[allow(non_snake_case, reason = "the names of types are those of values here")]
            fn run(&self, ($($parameter,)*): ($($parameter,)*)) -> R {
                self($($parameter),*)
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
