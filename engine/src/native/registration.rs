use std::sync::Arc;

use super::async_fn_config::AsyncFnConfig;
use super::function::Function;
use super::signature::{AsyncFunction, BlockingFunction, Parameters, Reply, Sendable};
use crate::EngineConfig;

/// What scripts can call.
impl EngineConfig {
    /// Registers an asynchronous function under two names: `name(...)` waits for its answer, while
    /// other scripts run; `name_async(...)` begins it and returns a request id at once, with which
    /// the script can ask for the answer or wait for it.
    ///
    /// See [`AsyncFunction`] for what a function can be, [`Parameter`](crate::Parameter) and [`Reply`] for what it takes
    /// and returns. Several can have one name, if they differ
    /// in the number of their arguments or in a [`This`](crate::This).
    ///
    /// ```
    /// use rhai_dispatcher_engine::EngineConfig;
    ///
    /// let config = EngineConfig::new().with_async_fn("look_up", |name: String| async move {
    ///     if name.is_empty() { Err("a name is missing") } else { Ok(format!("{name} Lovelace")) }
    /// });
    /// ```
    ///
    /// A future is polled on the script's thread, which is in no runtime. One with anything of tokio in it (a timer, a
    /// socket, sqlx, reqwest) needs `with_tokio` (feature `tokio`). Without it tokio panics, and the script ends in an error of
    /// kind `panic` that names `with_tokio`.
    #[must_use]
    pub fn with_async_fn<P, F>(self, name: impl Into<Arc<str>>, function: F) -> Self
    where
        P: Parameters,
        F: AsyncFunction<P, Reply: Reply>,
    {
        self.with_async_fn_config(name, AsyncFnConfig::new(), function)
    }

    /// Registers an asynchronous function as [`with_async_fn`](Self::with_async_fn) does, with a
    /// timeout or slots of its own.
    #[must_use]
    pub fn with_async_fn_config<P, F>(
        mut self,
        name: impl Into<Arc<str>>,
        config: AsyncFnConfig,
        function: F,
    ) -> Self
    where
        P: Parameters,
        F: AsyncFunction<P, Reply: Reply>,
    {
        let (name, function) = (name.into(), Arc::new(function));
        self.setups.push(Arc::new(move |engine, _| {
            Function::of_async::<P, F>(&name, &config, &function).register(engine);
        }));
        self
    }

    /// Registers a Rust function that blocks its thread, under the same two names and with the same
    /// limits as an asynchronous one. It runs on a thread of a pool, while the script's fiber waits.
    ///
    /// Its parameters and what it returns have to be `Send`. See [`BlockingFunction`].
    ///
    /// ```
    /// use rhai_dispatcher_engine::EngineConfig;
    ///
    /// let config = EngineConfig::new()
    ///     .with_blocking_fn("host_name", || std::fs::read_to_string("/etc/hostname"));
    /// ```
    #[must_use]
    pub fn with_blocking_fn<P, F>(self, name: impl Into<Arc<str>>, function: F) -> Self
    where
        P: Parameters + Sendable,
        F: BlockingFunction<P, Reply: Reply + Sendable + 'static>,
    {
        self.with_blocking_fn_config(name, AsyncFnConfig::new(), function)
    }

    /// Registers a blocking function as [`with_blocking_fn`](Self::with_blocking_fn) does, with a
    /// timeout or slots of its own.
    #[must_use]
    pub fn with_blocking_fn_config<P, F>(
        mut self,
        name: impl Into<Arc<str>>,
        config: AsyncFnConfig,
        function: F,
    ) -> Self
    where
        P: Parameters + Sendable,
        F: BlockingFunction<P, Reply: Reply + Sendable + 'static>,
    {
        let (name, function) = (name.into(), Arc::new(function));
        self.setups.push(Arc::new(move |engine, engine_config| {
            let pool = engine_config.blocking_pool();
            Function::of_blocking::<P, F>(&name, &config, &function, pool).register(engine);
        }));
        self
    }

    /// Lets registered functions use tokio: the future of each call is polled and dropped within the runtime of `handle`,
    /// and a blocking function runs within it. The runtime has to be driven elsewhere for as long as the engine is used:
    /// by threads of its own (`new_multi_thread`, also with one worker thread), or by a `block_on`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rhai_dispatcher_engine::EngineConfig;
    ///
    /// # let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    /// // In an `async fn` of tokio's it is `tokio::runtime::Handle::current()`.
    /// let config = EngineConfig::new().with_tokio(runtime.handle().clone()).with_async_fn("nap", || async {
    ///     tokio::time::sleep(Duration::from_millis(1)).await;
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn with_tokio(mut self, handle: tokio::runtime::Handle) -> Self {
        self.runtime = crate::call::Runtime::tokio(handle);
        self
    }
}
