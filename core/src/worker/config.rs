use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use super::FiguresConfig;

/// The settings of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerConfig {
    /// How many threads run tasks. Default: as many as the machine runs at once.
    pub lanes: NonZeroUsize,
    /// How long running tasks get to end once the worker shuts down, before they are released.
    /// Default: 10 s.
    pub grace: Duration,
    /// How long a lane may be silent before its tasks are given up: something on it blocks the
    /// thread. Default: 30 s.
    pub stall_timeout: Duration,
    /// What is announced and counted of its methods.
    pub figures: FiguresConfig,
    /// Whether the ends of its runs are logged in the activity of its worker id. Default: yes.
    pub activity: bool,
}

impl WorkerConfig {
    /// Sets [`lanes`](Self::lanes).
    #[must_use]
    pub fn with_lanes(mut self, lanes: NonZeroUsize) -> Self {
        self.lanes = lanes;
        self
    }

    /// Sets [`grace`](Self::grace).
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets [`stall_timeout`](Self::stall_timeout).
    #[must_use]
    pub fn with_stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Sets [`figures`](Self::figures).
    #[must_use]
    pub fn with_figures(mut self, figures: FiguresConfig) -> Self {
        self.figures = figures;
        self
    }

    /// Sets [`activity`](Self::activity).
    #[must_use]
    pub fn with_activity(mut self, activity: bool) -> Self {
        self.activity = activity;
        self
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            lanes: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            grace: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            figures: FiguresConfig::default(),
            activity: true,
        }
    }
}
