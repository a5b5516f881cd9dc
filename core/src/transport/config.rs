use std::time::Duration;

use crate::{EventLimits, Invalid, UrlParameters};

/// The settings that every transport has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportConfig {
    /// How long an instance counts as alive after its last renewal. Its tasks run elsewhere
    /// soon after that. Default: 2.5 s, so that a death is noticed within 3 s.
    pub lease: Duration,
    /// How many deaths of instances a task may be blamed for before it ends in an error of kind `crashed`.
    /// Default: 3.
    pub max_deliveries: u32,
    /// How long a group of quarantined tasks runs before the next group may start. Default: 100 ms, since most
    /// tasks that kill their process do so at once.
    pub observation: Duration,
    /// How many tasks may wait for one worker id, delayed ones included. Default: 100,000.
    pub queue_limit: usize,
    /// How many tasks one task may dispatch. Default: 1,000.
    pub max_children: usize,
    /// How long the record of a finished task is kept. Default: 24 h.
    pub record_ttl: Duration,
    /// How many records of finished tasks are kept, about: beyond it those of the tasks that ended first go before
    /// their time. Over Redis it counts for each worker id, in memory for all together. Default: 100,000.
    pub max_finished_records: usize,
    /// How many bytes these records may take, estimated, likewise. Default: 64 MiB.
    pub max_finished_bytes: usize,
    /// How many events of one task are kept for each of its readers: of the lines that it prints, and its progress.
    /// Default: 1,000.
    pub max_events: usize,
    /// How many bytes these events may take, about. Default: 256 KiB.
    pub max_event_bytes: usize,
    /// How many methods of a worker id have figures of their own; calls of others count together. Default: 1,000.
    pub max_figures: usize,
    /// How long the figures of a worker id are kept after the last report of an instance. Default: 7 days. In memory
    /// they are kept for as long as the queue.
    pub figures_ttl: Duration,
    /// How many entries the activity of a worker id has at most. Default: 10,000. With 0 nothing is logged.
    pub max_activity: usize,
    /// How many bytes these entries may take, about. Default: 8 MiB.
    pub max_activity_bytes: usize,
    /// How long the activity of a worker id is kept after the last entry. Default: 24 h.
    pub activity_ttl: Duration,
}

impl TransportConfig {
    /// Sets [`lease`](Self::lease).
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets [`max_deliveries`](Self::max_deliveries).
    #[must_use]
    pub fn with_max_deliveries(mut self, deliveries: u32) -> Self {
        self.max_deliveries = deliveries;
        self
    }

    /// Sets [`observation`](Self::observation).
    #[must_use]
    pub fn with_observation(mut self, observation: Duration) -> Self {
        self.observation = observation;
        self
    }

    /// Sets [`queue_limit`](Self::queue_limit).
    #[must_use]
    pub fn with_queue_limit(mut self, limit: usize) -> Self {
        self.queue_limit = limit;
        self
    }

    /// Sets [`max_children`](Self::max_children).
    #[must_use]
    pub fn with_max_children(mut self, children: usize) -> Self {
        self.max_children = children;
        self
    }

    /// Sets [`record_ttl`](Self::record_ttl).
    #[must_use]
    pub fn with_record_ttl(mut self, ttl: Duration) -> Self {
        self.record_ttl = ttl;
        self
    }

    /// Sets [`max_finished_records`](Self::max_finished_records).
    #[must_use]
    pub fn with_max_finished_records(mut self, records: usize) -> Self {
        self.max_finished_records = records;
        self
    }

    /// Sets [`max_events`](Self::max_events).
    #[must_use]
    pub fn with_max_events(mut self, events: usize) -> Self {
        self.max_events = events;
        self
    }

    /// Sets [`max_event_bytes`](Self::max_event_bytes).
    #[must_use]
    pub fn with_max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = bytes;
        self
    }

    /// How many events of a task are kept.
    #[must_use]
    pub const fn event_limits(&self) -> EventLimits {
        EventLimits { events: self.max_events, bytes: self.max_event_bytes }
    }

    /// Sets [`max_finished_bytes`](Self::max_finished_bytes).
    #[must_use]
    pub fn with_max_finished_bytes(mut self, bytes: usize) -> Self {
        self.max_finished_bytes = bytes;
        self
    }

    /// Sets [`max_figures`](Self::max_figures).
    #[must_use]
    pub fn with_max_figures(mut self, methods: usize) -> Self {
        self.max_figures = methods;
        self
    }

    /// Sets [`figures_ttl`](Self::figures_ttl).
    #[must_use]
    pub fn with_figures_ttl(mut self, ttl: Duration) -> Self {
        self.figures_ttl = ttl;
        self
    }

    /// Sets [`max_activity`](Self::max_activity).
    #[must_use]
    pub fn with_max_activity(mut self, entries: usize) -> Self {
        self.max_activity = entries;
        self
    }

    /// Sets [`max_activity_bytes`](Self::max_activity_bytes).
    #[must_use]
    pub fn with_max_activity_bytes(mut self, bytes: usize) -> Self {
        self.max_activity_bytes = bytes;
        self
    }

    /// Sets [`activity_ttl`](Self::activity_ttl).
    #[must_use]
    pub fn with_activity_ttl(mut self, ttl: Duration) -> Self {
        self.activity_ttl = ttl;
        self
    }
}

/// The settings that a URL can have, by the names of their fields.
macro_rules! url_settings {
    ($($name:ident,)*) => {
        impl TransportConfig {
            /// The names of all settings: of the fields, of the parameters of a URL and of the methods of builders.
            pub const SETTINGS: &[&str] = &[$(stringify!($name)),*];

            /// Takes the settings that a URL has.
            ///
            /// # Errors
            /// The first one whose value is of another type.
            pub fn set_from(&mut self, parameters: &mut UrlParameters) -> Result<(), Invalid> {
                $(parameters.set(stringify!($name), &mut self.$name)?;)*
                Ok(())
            }
        }
    };
}

url_settings! {
    lease,
    max_deliveries,
    observation,
    queue_limit,
    max_children,
    record_ttl,
    max_finished_records,
    max_finished_bytes,
    max_events,
    max_event_bytes,
    max_figures,
    figures_ttl,
    max_activity,
    max_activity_bytes,
    activity_ttl,
}

impl TransportConfig {
    /// The longest time of a setting: 100 years. Beyond it a sum of times would be none.
    pub const MAX_TIME: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60 + 25 * 24 * 60 * 60);

    /// Checks the values.
    ///
    /// # Errors
    /// The first one that makes no sense.
    pub fn check(&self) -> Result<(), Invalid> {
        for (field, time) in [
            ("lease", self.lease),
            ("record_ttl", self.record_ttl),
            ("figures_ttl", self.figures_ttl),
            ("activity_ttl", self.activity_ttl),
        ] {
            Self::check_time(field, time)?;
        }
        if self.observation > Self::MAX_TIME {
            return Self::check_time("observation", self.observation);
        }
        if self.max_deliveries == 0 {
            return Err(Invalid::new("max_deliveries", "is 0, so no task could run", "use at least 1"));
        }
        Ok(())
    }

    /// Checks that a time is from a millisecond to [`MAX_TIME`](Self::MAX_TIME).
    ///
    /// # Errors
    /// By the name of its field.
    pub fn check_time(field: &'static str, time: Duration) -> Result<(), Invalid> {
        if time < Duration::from_millis(1) {
            return Err(Invalid::new(field, "is shorter than a millisecond", "use a longer time"));
        }
        if time > Self::MAX_TIME {
            return Err(Invalid::new(field, "is longer than 100 years", "use a shorter time"));
        }
        Ok(())
    }
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_millis(2_500),
            max_deliveries: 3,
            observation: Duration::from_millis(100),
            queue_limit: 100_000,
            max_children: 1_000,
            record_ttl: Duration::from_secs(24 * 60 * 60),
            max_finished_records: 100_000,
            max_finished_bytes: 64 << 20,
            max_events: 1_000,
            max_event_bytes: 256 << 10,
            max_figures: 1_000,
            figures_ttl: Duration::from_secs(7 * 24 * 60 * 60),
            max_activity: 10_000,
            max_activity_bytes: 8 << 20,
            activity_ttl: Duration::from_secs(24 * 60 * 60),
        }
    }
}
