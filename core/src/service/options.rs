use std::sync::Arc;
use std::time::Duration;

use crate::{Clock, SystemClock};

/// How a service is started. A number is its backlog: `service.start(32, config)`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServiceOptions {
    /// How many requests are queued at most that no worker has begun; at least 1. Further calls wait, in their order.
    /// Default: 1,024.
    pub backlog: usize,
    /// How long each call may take unless it sets a timeout. Default: for ever.
    pub timeout: Option<Duration>,
    /// What measures timeouts and the pauses before restarts. Default: a [`SystemClock`] of its own, whose thread
    /// starts with the first call that has a timeout.
    pub clock: Arc<dyn Clock>,
}

impl ServiceOptions {
    /// The defaults, with that backlog. Zero is taken as 1.
    #[must_use]
    pub fn new(backlog: usize) -> Self {
        Self { backlog: backlog.max(1), timeout: None, clock: Arc::new(SystemClock::new()) }
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets [`clock`](Self::clock).
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self::new(1_024)
    }
}

impl From<usize> for ServiceOptions {
    fn from(backlog: usize) -> Self {
        Self::new(backlog)
    }
}
