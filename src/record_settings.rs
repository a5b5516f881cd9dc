use std::time::Duration;

use rhai_dispatcher_core::Invalid;
#[cfg(any(feature = "memory", feature = "redis"))]
use rhai_dispatcher_core::TransportConfig;

/// How the records of finished tasks are kept, as far as a builder was told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RecordSettings {
    pub(crate) record_ttl: Option<Duration>,
    pub(crate) max_finished_records: Option<usize>,
    pub(crate) max_finished_bytes: Option<usize>,
}

impl RecordSettings {
    /// The defaults, with what was set.
    #[cfg(any(feature = "memory", feature = "redis"))]
    pub(crate) fn config(self) -> TransportConfig {
        let mut config = TransportConfig::default();
        config.record_ttl = self.record_ttl.unwrap_or(config.record_ttl);
        config.max_finished_records = self.max_finished_records.unwrap_or(config.max_finished_records);
        config.max_finished_bytes = self.max_finished_bytes.unwrap_or(config.max_finished_bytes);
        config
    }

    /// Refuses what was set, since a transport that was made elsewhere has settings of its own.
    pub(crate) fn refuse_beside_transport(self) -> Result<(), Invalid> {
        let set = [
            ("record_ttl", self.record_ttl.is_some()),
            ("max_finished_records", self.max_finished_records.is_some()),
            ("max_finished_bytes", self.max_finished_bytes.is_some()),
        ];
        match set.into_iter().find(|(_, is_set)| *is_set) {
            Some((field, _)) => {
                Err(Invalid::new(field, "is given beside a transport", "set it where the transport is made"))
            }
            None => Ok(()),
        }
    }
}

/// The setters of a builder that has [`RecordSettings`] in `records`.
macro_rules! record_setters {
    () => {
        /// How long the record of a finished task is kept; at least a millisecond. Default: 24 h. All who share
        /// queues should say the same: whoever ends a task applies what it was told.
        pub fn record_ttl(mut self, ttl: Duration) -> Self {
            self.records.record_ttl = Some(ttl);
            self
        }

        /// How many records of finished tasks are kept, about: of each worker id over Redis, in all in memory.
        /// Beyond it those of the tasks that ended first go before their time. Default: 100,000.
        pub fn max_finished_records(mut self, records: usize) -> Self {
            self.records.max_finished_records = Some(records);
            self
        }

        /// How many bytes those records may take, estimated. Default: 64 MiB.
        pub fn max_finished_bytes(mut self, bytes: usize) -> Self {
            self.records.max_finished_bytes = Some(bytes);
            self
        }
    };
}

pub(crate) use record_setters;
