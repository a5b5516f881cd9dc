use std::sync::Arc;

use rhai_dispatcher_core::{Transport, WorkerId};

use super::EngineConfig;
use crate::call::{AsyncFnConfig, AsyncFunction, BlockingFunction, Function, Parameters, Reply, Sendable};
use crate::dispatch;

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
        limits: AsyncFnConfig,
        function: F,
    ) -> Self
    where
        P: Parameters,
        F: AsyncFunction<P, Reply: Reply>,
    {
        let (name, function) = (name.into(), Arc::new(function));
        self.setups.push(Arc::new(move |engine, _| {
            Function::of_async::<P, F>(&name, &limits, &function).register(engine);
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
        limits: AsyncFnConfig,
        function: F,
    ) -> Self
    where
        P: Parameters + Sendable,
        F: BlockingFunction<P, Reply: Reply + Sendable + 'static>,
    {
        let (name, function) = (name.into(), Arc::new(function));
        self.setups.push(Arc::new(move |engine, config| {
            Function::of_blocking::<P, F>(&name, &limits, &function, config.blocking_pool()).register(engine);
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

    /// Sets [`max_blocking_threads`](Self::max_blocking_threads). The threads are not those of earlier
    /// clones any more.
    #[must_use]
    pub fn with_max_blocking_threads(mut self, max: usize) -> Self {
        self.max_blocking_threads = max;
        self.blocking_pool = Arc::default();
        self
    }

    /// Lets scripts send tasks to workers, over `transport`, and await their answers like those of any
    /// other request: `dispatch(worker_id, script)` and `dispatch(worker_id, #{...})`, and both with
    /// `_async`. The map has `script`, and may have `args` (a map), `context_id`, `priority`
    /// (`"high"`, `"normal"`, `"low"`), `request_id`, `retries`, `timeout` and `delay` in seconds, and `limits`
    /// (a map of [`Limits`](rhai_dispatcher_core::Limits) by name, times in seconds).
    ///
    /// What is dispatched is a child of the script's task: it is in its record, ends by its deadline
    /// and is cancelled with it. How many there can be, and how deep, is limited by
    /// [`TransportConfig::max_children`](rhai_dispatcher_core::TransportConfig::max_children) and
    /// [`DispatcherConfig::max_depth`](rhai_dispatcher_core::DispatcherConfig::max_depth). Without a `timeout` the
    /// call waits until the child, or the script's task, has ended. A task that
    /// runs again finds the children of its first run, as long as it makes the same calls.
    #[must_use]
    pub fn with_dispatch(self, transport: Arc<dyn Transport>) -> Self {
        dispatch::register(self, transport)
    }

    /// Sets [`dispatch_to`](Self::dispatch_to): a `dispatch` to any other worker id is an error at once, and no
    /// task that waits for a worker.
    #[must_use]
    pub fn with_dispatch_to(mut self, worker_ids: impl IntoIterator<Item = WorkerId>) -> Self {
        self.dispatch_to = Some(worker_ids.into_iter().collect());
        self
    }
}
