/// Where the futures of calls are polled and dropped: within a tokio runtime, if the configuration has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runtime {
    #[cfg(feature = "tokio")]
    handle: Option<tokio::runtime::Handle>,
}

/// A part of tokio's own message when it panics without a runtime.
const NO_REACTOR: &str = "no reactor running";

impl Runtime {
    #[cfg(feature = "tokio")]
    pub(crate) const fn tokio(handle: tokio::runtime::Handle) -> Self {
        Self { handle: Some(handle) }
    }

    /// Whether there is one.
    pub(crate) fn is_some(&self) -> bool {
        #[cfg(feature = "tokio")]
        return self.handle.is_some();
        #[cfg(not(feature = "tokio"))]
        false
    }

    /// Calls `f` within the runtime. `f` must not suspend a fiber: tokio wants runtimes to be left in the opposite order
    /// of their being entered.
    pub(crate) fn within<T>(&self, f: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tokio")]
        let _entered = self.handle.as_ref().map(tokio::runtime::Handle::enter);
        f()
    }

    /// The message of a panic, with a way out if it is tokio's about its runtime.
    pub(crate) fn explained(message: String) -> String {
        match message.contains(NO_REACTOR) {
            true => format!(
                "{message}; the function uses tokio: pass a handle of the runtime with `EngineConfig::with_tokio` \
                 (feature `tokio`)"
            ),
            false => message,
        }
    }
}
