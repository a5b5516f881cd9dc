use std::time::Duration;

use rhai_dispatcher_core::Slots;

/// How the calls of an asynchronous or blocking function are limited.
///
/// ```
/// use std::time::Duration;
/// use rhai_dispatcher_engine::{AsyncFnConfig, EngineConfig};
///
/// // At most eight look-ups and searches at once, together, on all lanes of a worker.
/// let limits = AsyncFnConfig::new().with_timeout(Duration::from_secs(5)).with_max_concurrent(8);
/// let config = EngineConfig::new()
///     .with_async_fn_config("look_up", limits.clone(), |name: String| async move { name })
///     .with_async_fn_config("search", limits, |text: String| async move { vec![text] });
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AsyncFnConfig {
    /// The longest that a call may take, its wait for a free slot included; 30 s. A call that takes
    /// longer ends in an error that the script can catch; as a request it has the status
    /// `timeout`.
    pub timeout: Duration,
    /// The slots of which each call takes one; as many as are asked for, by default. Functions
    /// registered with clones of one configuration share them.
    pub slots: Option<Slots>,
}

impl AsyncFnConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`slots`](Self::slots) to `max` new ones: as many calls are under way at once, on all
    /// lanes of all workers that use the configuration in this process. The others wait, in the
    /// order of their priorities.
    #[must_use]
    pub fn with_max_concurrent(self, max: usize) -> Self {
        self.with_slots(Slots::new(max))
    }

    /// Sets [`slots`](Self::slots).
    #[must_use]
    pub fn with_slots(mut self, slots: Slots) -> Self {
        self.slots = Some(slots);
        self
    }
}

impl Default for AsyncFnConfig {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), slots: None }
    }
}
