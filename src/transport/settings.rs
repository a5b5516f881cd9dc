use std::time::Duration;

use rhai_dispatcher_core::Invalid;
#[cfg(any(feature = "memory", feature = "redis"))]
use rhai_dispatcher_core::TransportConfig;
#[cfg(feature = "redis")]
use rhai_dispatcher_redis::{Durability, RedisConfig};
#[cfg(feature = "redis")]
use rhai_dispatcher_tokio_bridge::TokioBridge;

/// The settings of transports that both builders have: passes the table to the macro `$then`.
///
/// Those of `all` go to [`TransportConfig`], those of `redis` and `redis_text` to `RedisConfig`. Only texts are set by
/// what becomes one: a number that is written out has no type by itself, so `impl Into<usize>` would refuse it.
macro_rules! transport_settings {
    ($then:ident) => {
        $then! {
            all {
                /// How long an instance counts as alive after its last renewal. Its tasks run again elsewhere soon
                /// after that. Default: 2.5 s.
                lease: Duration,
                /// How many deaths of instances a task may be blamed for before it ends in an error of kind `crashed`.
                /// Default: 3.
                max_deliveries: u32,
                /// How long a group of quarantined tasks runs before the next group may start. Default: 100 ms.
                observation: Duration,
                /// How many tasks may wait for one worker id, delayed ones included. Default: 100,000.
                queue_limit: usize,
                /// How many tasks one task may dispatch. Default: 1,000.
                max_children: usize,
                /// How long the record of a finished task is kept; at least 1 ms. Default: 24 h. Dispatchers and
                /// workers that share queues should have the same value: the side that ends a task applies its own.
                record_ttl: Duration,
                /// About how many records of finished tasks are kept: for each worker id over Redis, in total in
                /// memory. Above that the oldest are removed early. Default: 100,000.
                max_finished_records: usize,
                /// About how many bytes those records may take. Default: 64 MiB.
                max_finished_bytes: usize,
                /// How many events of one task (lines and progress) are kept for each of its readers. Default: 1,000.
                max_events: usize,
                /// About how many bytes those events may take. Default: 256 KiB.
                max_event_bytes: usize,
                /// How many methods of a worker id have figures of their own; calls of others count together. Default:
                /// 1,000.
                max_figures: usize,
                /// How long the figures of a worker id are kept after the last report of an instance. Default: 7 days.
                /// In memory they are kept as long as the queue.
                figures_ttl: Duration,
                /// How many entries the activity of a worker id has at most. Default: 10,000. With 0 nothing is logged.
                max_activity: usize,
                /// About how many bytes those entries may take. Default: 8 MiB.
                max_activity_bytes: usize,
                /// How long the activity of a worker id is kept after the last entry. Default: 24 h.
                activity_ttl: Duration,
            }
            redis {
                /// How long a call to the server may take until it fails as unavailable. Default: 5 s.
                call_timeout: Duration,
                /// What has to hold before the server's answer to a submit or a finish counts. Default:
                /// `Durability::Server`.
                durability: Durability,
                /// How long the events of a running task are kept after the last. Default: 1 h.
                events_ttl: Duration,
                /// After how long a waiter reads its record again, in case a message was lost. Default: 30 s.
                recheck_interval: Duration,
                /// How many awaited tasks are remembered before their outcome is asked for. Default: 100,000.
                awaited_limit: usize,
                /// The largest task, in bytes of its encoded form. Default: 64 MiB.
                max_task_bytes: usize,
                /// The largest outcome, in bytes. A task with a larger one ends in an error of kind `limit`.
                /// Default: 64 MiB.
                max_outcome_bytes: usize,
                /// The largest outcome that is sent to its waiter; a larger one is read from the record. Default:
                /// 64 KiB.
                max_message_bytes: usize,
                /// Where the Redis client runs. Default: a thread of its own.
                bridge: TokioBridge,
            }
            redis_text {
                /// What all keys in Redis begin with. Default: `rhailib`. Clients with the same prefix share their
                /// queues.
                prefix,
            }
        }
    };
}

macro_rules! define_settings {
    (
        all { $($(#[$doc:meta])* $all:ident: $all_type:ty,)* }
        redis { $($(#[$redis_doc:meta])* $redis:ident: $redis_type:ty,)* }
        redis_text { $($(#[$text_doc:meta])* $text:ident,)* }
    ) => {
        /// The settings of a transport that were set in a builder.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct TransportSettings {
            $(pub(crate) $all: Option<$all_type>,)*
            $(#[cfg(feature = "redis")] pub(crate) $redis: Option<$redis_type>,)*
            $(#[cfg(feature = "redis")] pub(crate) $text: Option<String>,)*
        }

        impl TransportSettings {
            /// The defaults, with what was set.
            #[cfg(any(feature = "memory", feature = "redis"))]
            pub(crate) fn transport(&self) -> TransportConfig {
                let mut config = TransportConfig::default();
                $(if let Some(value) = self.$all { config.$all = value; })*
                config
            }

            /// The same for the server at `url`.
            #[cfg(feature = "redis")]
            pub(crate) fn redis(self, url: &str) -> RedisConfig {
                let mut config = RedisConfig::new(url).with_transport(self.transport());
                $(if let Some(value) = self.$redis { config.$redis = value.into(); })*
                $(if let Some(value) = self.$text { config.$text = value; })*
                config
            }

            /// The first setting that was set, if there is one.
            fn first(&self) -> Option<&'static str> {
                $(if self.$all.is_some() { return Some(stringify!($all)); })*
                self.first_of_redis()
            }

            /// The first setting for Redis that was set, if there is one.
            fn first_of_redis(&self) -> Option<&'static str> {
                $(
                    #[cfg(feature = "redis")]
                    if self.$redis.is_some() { return Some(stringify!($redis)); }
                )*
                $(
                    #[cfg(feature = "redis")]
                    if self.$text.is_some() { return Some(stringify!($text)); }
                )*
                None
            }
        }
    };
}

transport_settings!(define_settings);

impl TransportSettings {
    /// Refuses every setting: a transport that was made elsewhere has its own.
    pub(crate) fn refuse_beside_transport(&self) -> Result<(), Invalid> {
        let refuse = |field| {
            Err(Invalid::new(field, "is given beside a transport", "set it where the transport is made"))
        };
        self.first().map_or(Ok(()), refuse)
    }

    /// Refuses the settings that only Redis has.
    #[cfg(feature = "memory")]
    pub(crate) fn refuse_beside_memory(&self) -> Result<(), Invalid> {
        let refuse = |field| {
            let problem = "is a setting of Redis, and the URL is memory:";
            Err(Invalid::new(field, problem, "use it with a redis:// URL, or leave it out"))
        };
        self.first_of_redis().map_or(Ok(()), refuse)
    }
}

/// The setters of a builder that has [`TransportSettings`] in its field `settings`.
macro_rules! setters {
    (
        all { $($(#[$doc:meta])* $all:ident: $all_type:ty,)* }
        redis { $($(#[$redis_doc:meta])* $redis:ident: $redis_type:ty,)* }
        redis_text { $($(#[$text_doc:meta])* $text:ident,)* }
    ) => {
        $(
            $(#[$doc])*
            pub fn $all(mut self, $all: $all_type) -> Self {
                self.settings.$all = Some($all);
                self
            }
        )*
        $(
            $(#[$redis_doc])*
            ///
            /// For `redis:` URLs only.
            #[cfg(feature = "redis")]
            pub fn $redis(mut self, $redis: $redis_type) -> Self {
                self.settings.$redis = Some($redis);
                self
            }
        )*
        $(
            $(#[$text_doc])*
            ///
            /// For `redis:` URLs only.
            #[cfg(feature = "redis")]
            pub fn $text(mut self, $text: impl Into<String>) -> Self {
                self.settings.$text = Some($text.into());
                self
            }
        )*
    };
}

pub(crate) use {setters, transport_settings};
