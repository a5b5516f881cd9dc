use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{DispatcherConfig, Invalid};

use crate::store::FieldLimits;

/// The settings of a [`ListBridge`](super::ListBridge).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListBridgeConfig {
    /// How many ids the bridge holds at once; the others wait in the list of the clients. Default: 10,000.
    pub max_held: usize,
    /// How many bytes of fields (scripts, arguments, outputs) of these ids the bridge has read at once; ids beyond wait
    /// unread. While a task is submitted there are up to three copies of them in memory. Default: 64 MiB.
    pub max_held_bytes: usize,
    /// The longest script, in bytes. Default: 256 KiB, as that of a dispatcher.
    pub max_script_bytes: usize,
    /// The longest arguments, in bytes of JSON. Default: 1 MiB, as those of a dispatcher.
    pub max_args_bytes: usize,
    /// The longest output, and the longest error, in bytes. A longer output ends in an error, a longer error is cut.
    /// Default: 16 MiB.
    pub max_output_bytes: usize,
    /// How long a reply that no client pops is kept. Default: 1 h.
    pub reply_ttl: Duration,
    /// How long the hash of a client is kept after its outcome, unless the client has set an expiry. Default: 24 h.
    pub outcome_ttl: Duration,
    /// How long the bridge counts as living after its last renewal, which it makes every third of that. Another bridge
    /// then takes over its ids. Default: 2.5 s.
    pub lease: Duration,
    /// The caller id of tasks whose client names none. Default: `list`.
    pub caller_id: Arc<str>,
}

impl ListBridgeConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_held: 10_000,
            max_held_bytes: 64 * 1024 * 1024,
            max_script_bytes: 256 * 1024,
            max_args_bytes: 1024 * 1024,
            max_output_bytes: 16 * 1024 * 1024,
            reply_ttl: Duration::from_secs(60 * 60),
            outcome_ttl: Duration::from_secs(24 * 60 * 60),
            lease: Duration::from_millis(2_500),
            caller_id: "list".into(),
        }
    }

    /// Sets [`max_held`](Self::max_held).
    #[must_use]
    pub fn with_max_held(mut self, ids: usize) -> Self {
        self.max_held = ids;
        self
    }

    /// Sets [`max_held_bytes`](Self::max_held_bytes).
    #[must_use]
    pub fn with_max_held_bytes(mut self, bytes: usize) -> Self {
        self.max_held_bytes = bytes;
        self
    }

    /// Sets [`max_script_bytes`](Self::max_script_bytes).
    #[must_use]
    pub fn with_max_script_bytes(mut self, bytes: usize) -> Self {
        self.max_script_bytes = bytes;
        self
    }

    /// Sets [`max_args_bytes`](Self::max_args_bytes).
    #[must_use]
    pub fn with_max_args_bytes(mut self, bytes: usize) -> Self {
        self.max_args_bytes = bytes;
        self
    }

    /// Sets [`max_output_bytes`](Self::max_output_bytes).
    #[must_use]
    pub fn with_max_output_bytes(mut self, bytes: usize) -> Self {
        self.max_output_bytes = bytes;
        self
    }

    /// Sets [`reply_ttl`](Self::reply_ttl).
    #[must_use]
    pub fn with_reply_ttl(mut self, ttl: Duration) -> Self {
        self.reply_ttl = ttl;
        self
    }

    /// Sets [`outcome_ttl`](Self::outcome_ttl).
    #[must_use]
    pub fn with_outcome_ttl(mut self, ttl: Duration) -> Self {
        self.outcome_ttl = ttl;
        self
    }

    /// Sets [`lease`](Self::lease).
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets [`caller_id`](Self::caller_id).
    #[must_use]
    pub fn with_caller_id(mut self, caller_id: impl Into<Arc<str>>) -> Self {
        self.caller_id = caller_id.into();
        self
    }

    pub(crate) fn field_limits(&self) -> FieldLimits {
        FieldLimits {
            script: self.max_script_bytes,
            args: self.max_args_bytes,
            output: self.max_output_bytes,
        }
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        for (field, size) in [
            ("max_held", self.max_held),
            ("max_held_bytes", self.max_held_bytes),
            ("max_script_bytes", self.max_script_bytes),
            ("max_args_bytes", self.max_args_bytes),
            ("max_output_bytes", self.max_output_bytes),
        ] {
            if size == 0 {
                return Err(Invalid::new(field, "is 0, so no task could run", "use at least 1"));
            }
        }
        for (field, time) in
            [("reply_ttl", self.reply_ttl), ("outcome_ttl", self.outcome_ttl), ("lease", self.lease)]
        {
            if time < Duration::from_millis(1) {
                return Err(Invalid::new(field, "is shorter than a millisecond", "use a longer time"));
            }
        }
        DispatcherConfig::new(Arc::clone(&self.caller_id)).map(drop)
    }
}

impl Default for ListBridgeConfig {
    fn default() -> Self {
        Self::new()
    }
}
