use std::time::Duration;

use rhai_dispatcher_core::{Invalid, TransportConfig};
use rhai_dispatcher_tokio_bridge::TokioBridge;

/// Where the server is, and how it is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RedisConfig {
    /// `redis://[user[:password]@]host[:port][/database]`, or `redis+unix:///path/to/socket`.
    pub url: String,
    /// What all keys begin with; processes with the same prefix share their queues. Default: `rhailib`.
    pub prefix: String,
    /// How long a call may take until it fails as unavailable. Default: 5 s. A connection that leaves an answer out for
    /// half of this time is replaced by a new one if that is quicker; for renewals a third of the lease, if that is
    /// less.
    pub call_timeout: Duration,
    /// What has to hold before a submit or a finish counts. Default: [`Durability::Server`]. With another one, submits
    /// and finishes have a connection of their own.
    pub durability: Durability,
    /// How long the events of a running task are kept after the last: what it prints, and its progress. Default: 1 h. They
    /// are kept for 60 s after the outcome, which has the printed lines in its log.
    pub events_ttl: Duration,
    /// The time between two reads of the records of all awaited tasks, in case a message was lost. Default: 30 s.
    pub recheck_interval: Duration,
    /// How many awaited tasks are remembered for an [`outcome`](rhai_dispatcher_core::Transport::outcome)
    /// that is not asked for yet; the outcome of a forgotten one is looked up. Default: 100,000.
    pub awaited_limit: usize,
    /// The largest task, in bytes of its encoded form. Default: 64 MiB.
    pub max_task_bytes: usize,
    /// The largest outcome, in bytes of its fields: a task with a larger one ends in an error of kind `limit`.
    /// Default: 64 MiB; the server itself takes 512 MiB at most.
    pub max_outcome_bytes: usize,
    /// The largest outcome that is sent to a waiting submitter, in bytes. A submitter is only told of a larger outcome,
    /// and reads the record. Default: 64 KiB.
    pub max_message_bytes: usize,
    /// The settings of every transport. All processes that share a prefix should use the same.
    pub transport: TransportConfig,
    /// Where the client runs. Default: a thread of its own.
    pub bridge: Option<TokioBridge>,
}

/// An answer that comes sooner is never overdue: a process that is busy may take as long to read it.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(50);

/// What has to hold before a submit or a finish counts.
///
/// It is the sender of the submit or finish that waits for this. A caller that waits for the outcome is told of it as
/// soon as the server has it: if the server is lost right then, the task may run again on a replica, and end
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The server has it. What survives the server's death is its configuration's affair
    /// (`appendfsync always` loses nothing).
    #[default]
    Server,
    /// So many replicas have it too (WAIT).
    Replicas {
        /// How many.
        replicas: u32,
        /// How long to wait for them; after that the call fails as unavailable.
        timeout: Duration,
    },
    /// It is in the append-only files of the server and of so many replicas (WAITAOF, Redis 7.2).
    Fsynced {
        /// How many replicas, besides the server itself.
        replicas: u32,
        /// How long to wait for them; after that the call fails as unavailable.
        timeout: Duration,
    },
}

impl Durability {
    /// How long a write waits for others than the server, if it does.
    pub(crate) const fn timeout(self) -> Option<Duration> {
        match self {
            Self::Server => None,
            Self::Replicas { timeout, .. } | Self::Fsynced { timeout, .. } => Some(timeout),
        }
    }
}

impl RedisConfig {
    /// The defaults, for the server at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "rhailib".into(),
            call_timeout: Duration::from_secs(5),
            durability: Durability::default(),
            events_ttl: Duration::from_secs(60 * 60),
            recheck_interval: Duration::from_secs(30),
            awaited_limit: 100_000,
            max_task_bytes: 64 * 1024 * 1024,
            max_outcome_bytes: 64 * 1024 * 1024,
            max_message_bytes: 64 * 1024,
            transport: TransportConfig::default(),
            bridge: None,
        }
    }

    /// Sets [`prefix`](Self::prefix).
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets [`call_timeout`](Self::call_timeout).
    #[must_use]
    pub fn with_call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Sets [`durability`](Self::durability).
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets [`events_ttl`](Self::events_ttl).
    #[must_use]
    pub fn with_events_ttl(mut self, ttl: Duration) -> Self {
        self.events_ttl = ttl;
        self
    }

    /// Sets [`recheck_interval`](Self::recheck_interval).
    #[must_use]
    pub fn with_recheck_interval(mut self, interval: Duration) -> Self {
        self.recheck_interval = interval;
        self
    }

    /// Sets [`awaited_limit`](Self::awaited_limit).
    #[must_use]
    pub fn with_awaited_limit(mut self, tasks: usize) -> Self {
        self.awaited_limit = tasks;
        self
    }

    /// Sets [`max_task_bytes`](Self::max_task_bytes).
    #[must_use]
    pub fn with_max_task_bytes(mut self, bytes: usize) -> Self {
        self.max_task_bytes = bytes;
        self
    }

    /// Sets [`max_outcome_bytes`](Self::max_outcome_bytes).
    #[must_use]
    pub fn with_max_outcome_bytes(mut self, bytes: usize) -> Self {
        self.max_outcome_bytes = bytes;
        self
    }

    /// Sets [`max_message_bytes`](Self::max_message_bytes).
    #[must_use]
    pub fn with_max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self
    }

    /// Sets [`transport`](Self::transport).
    #[must_use]
    pub fn with_transport(mut self, transport: TransportConfig) -> Self {
        self.transport = transport;
        self
    }

    /// Sets [`bridge`](Self::bridge).
    #[must_use]
    pub fn with_bridge(mut self, bridge: TokioBridge) -> Self {
        self.bridge = Some(bridge);
        self
    }

    /// After how long an answer to a call is overdue, so that a dead connection leaves the call the time to be made
    /// on another one.
    pub(crate) fn patience(&self) -> Duration {
        (self.call_timeout / 2).max(SHORTEST_PATIENCE)
    }

    /// After how long an answer to a renewal is overdue: soon enough for two more before the lease is over.
    pub(crate) fn renewal_patience(&self) -> Duration {
        (self.transport.lease / 3).max(SHORTEST_PATIENCE).min(self.patience())
    }

    /// How long a renewal may take: a later one is of a lease that has run out.
    pub(crate) fn renewal_timeout(&self) -> Duration {
        self.transport.lease.min(self.call_timeout)
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        /// A prefix stands in every key.
        const MAX_PREFIX: usize = 64;
        let prefix = &self.prefix;
        if prefix.is_empty()
            || prefix.len() > MAX_PREFIX
            || !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
        {
            return Err(Invalid::new(
                "prefix",
                format!("{prefix:?} can't begin a key"),
                "use 1 to 64 of A-Z a-z 0-9 . _ - :",
            ));
        }
        for (field, time) in [
            ("call_timeout", self.call_timeout),
            ("lease", self.transport.lease),
            ("record_ttl", self.transport.record_ttl),
            ("figures_ttl", self.transport.figures_ttl),
            ("activity_ttl", self.transport.activity_ttl),
            ("events_ttl", self.events_ttl),
            ("recheck_interval", self.recheck_interval),
        ] {
            if time < Duration::from_millis(1) {
                return Err(Invalid::new(field, "is shorter than a millisecond", "use a longer time"));
            }
        }
        if self.transport.max_deliveries == 0 {
            return Err(Invalid::new("max_deliveries", "is 0, so no task could run", "use at least 1"));
        }
        Ok(())
    }
}
