use std::sync::Arc;

use rhai_dispatcher_core::{Clock, SystemClock, TransportConfig};

/// What a [`MemoryTransport`](crate::MemoryTransport) can be told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// What every transport can be told.
    pub transport: TransportConfig,
    /// Whether every instance serves every worker id: all of them are one queue then, which is listed
    /// and paused as one. Default: no.
    pub any_worker: bool,
    /// The clock. Default: the system's.
    pub clock: Arc<dyn Clock>,
}

impl MemoryConfig {
    /// Sets [`transport`](Self::transport).
    #[must_use]
    pub fn with_transport(mut self, transport: TransportConfig) -> Self {
        self.transport = transport;
        self
    }

    /// Sets [`any_worker`](Self::any_worker).
    #[must_use]
    pub fn with_any_worker(mut self, any: bool) -> Self {
        self.any_worker = any;
        self
    }

    /// Sets [`clock`](Self::clock).
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self { transport: TransportConfig::default(), any_worker: false, clock: Arc::new(SystemClock::new()) }
    }
}
