#[cfg(feature = "redis")]
use std::path::PathBuf;
use std::time::Duration;

use rhai_dispatcher_core::Invalid;
#[cfg(any(feature = "memory", feature = "redis"))]
use rhai_dispatcher_core::TransportConfig;
#[cfg(any(feature = "memory", feature = "redis"))]
use rhai_dispatcher_core::UrlParameters;
#[cfg(feature = "redis")]
use rhai_dispatcher_redis::{Durability, RedisConfig};
#[cfg(feature = "redis")]
use rhai_dispatcher_tokio_bridge::TokioBridge;

/// The settings of transports that both builders have: passes the table to the macro `$then`.
///
/// Those of `all` go to [`TransportConfig`], the others to `RedisConfig`. Those of `redis_into` are set by what becomes one:
/// a number that is written out has no type by itself, so `impl Into<usize>` would refuse it. All but the bridge are
/// parameters of a URL too, of the same name.
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
                /// Where the Redis client runs. Default: a thread of its own. On a runtime of the program, which it keeps
                /// running, a call wakes two threads fewer.
                bridge: TokioBridge,
            }
            redis_into {
                /// What all keys in Redis begin with. Default: `rhailib`. Clients with the same prefix share their
                /// queues.
                prefix: String,
                /// A PEM file with the certificates of the authorities that may have signed that of the server. Default:
                /// the authorities that the system trusts.
                tls_ca: PathBuf,
                /// A PEM file with the certificate that the client shows. Default: none.
                tls_cert: PathBuf,
                /// A PEM file with the private key of `tls_cert`.
                tls_key: PathBuf,
                /// The name that the server's certificate has to be for. Default: the host of the URL, or the one that
                /// the Sentinels name.
                tls_server_name: String,
                /// The user of the Sentinels. Default: none.
                sentinel_user: String,
                /// The password of the Sentinels. Default: none.
                sentinel_password: rhai_dispatcher_core::Secret,
            }
        }
    };
}

macro_rules! define_settings {
    (
        all { $($(#[$doc:meta])* $all:ident: $all_type:ty,)* }
        redis { $($(#[$redis_doc:meta])* $redis:ident: $redis_type:ty,)* }
        redis_into { $($(#[$into_doc:meta])* $into:ident: $into_type:ty,)* }
    ) => {
        /// The settings of a transport that were set in a builder.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct TransportSettings {
            $(pub(crate) $all: Option<$all_type>,)*
            $(#[cfg(feature = "redis")] pub(crate) $redis: Option<$redis_type>,)*
            $(#[cfg(feature = "redis")] pub(crate) $into: Option<$into_type>,)*
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
                $(if let Some(value) = self.$into { config.$into = value.into(); })*
                config
            }

            /// The names of the settings that were set: of every transport, and of Redis.
            fn names(&self) -> (Vec<&'static str>, Vec<&'static str>) {
                #[allow(unused_mut, reason = "without Redis it has no settings")]
                let (mut all, mut redis) = (Vec::new(), Vec::new());
                $(if self.$all.is_some() { all.push(stringify!($all)); })*
                $(#[cfg(feature = "redis")] if self.$redis.is_some() { redis.push(stringify!($redis)); })*
                $(#[cfg(feature = "redis")] if self.$into.is_some() { redis.push(stringify!($into)); })*
                (all, redis)
            }
        }
    };
}

transport_settings!(define_settings);

impl TransportSettings {
    /// Refuses every setting: a transport that was made elsewhere has its own.
    pub(crate) fn refuse_beside_transport(&self) -> Result<(), Invalid> {
        let (all, redis) = self.names();
        let Some(field) = all.into_iter().chain(redis).next() else { return Ok(()) };
        Err(Invalid::new(field, "is given beside a transport", "set it where the transport is made"))
    }

    /// Refuses the settings that only Redis has, in the builder and in the URL.
    #[cfg(feature = "memory")]
    pub(crate) fn refuse_beside_memory(&self, parameters: &UrlParameters) -> Result<(), Invalid> {
        let (_, set) = self.names();
        #[cfg(feature = "redis")]
        let mut named =
            RedisConfig::SETTINGS.iter().filter(|field| parameters.names().any(|name| name == **field));
        #[cfg(not(feature = "redis"))]
        let (_, mut named) = (parameters, std::iter::empty::<&&'static str>());
        let Some(&field) = set.first().or_else(|| named.next()) else { return Ok(()) };
        let problem = "is a setting of Redis, and the URL is memory:";
        Err(Invalid::new(field, problem, "use it with a redis:// URL, or leave it out"))
    }

    /// Refuses a setting that both the builder and the URL have.
    #[cfg(any(feature = "memory", feature = "redis"))]
    pub(crate) fn refuse_twice(&self, parameters: &UrlParameters) -> Result<(), Invalid> {
        let (all, redis) = self.names();
        let mut set = all.into_iter().chain(redis);
        let Some(field) = set.find(|field| parameters.names().any(|name| name == *field)) else {
            return Ok(());
        };
        Err(Invalid::new(field, "is given in the URL too", "give it once: here or in the URL"))
    }
}

/// The setters of a builder that has [`TransportSettings`] in its field `settings`.
macro_rules! setters {
    (
        all { $($(#[$doc:meta])* $all:ident: $all_type:ty,)* }
        redis { $($(#[$redis_doc:meta])* $redis:ident: $redis_type:ty,)* }
        redis_into { $($(#[$into_doc:meta])* $into:ident: $into_type:ty,)* }
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
            $(#[$into_doc])*
            ///
            /// For `redis:` URLs only.
            #[cfg(feature = "redis")]
            pub fn $into(mut self, $into: impl Into<$into_type>) -> Self {
                self.settings.$into = Some($into.into());
                self
            }
        )*
    };
}

pub(crate) use {setters, transport_settings};

#[cfg(all(test, feature = "memory", feature = "redis"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{RhaiDispatcher, RhaiDispatcherError};

    /// The rows of the tables of settings: name, default, least and largest value.
    fn rows() -> Vec<[&'static str; 4]> {
        let rows = include_str!("../../docs/settings.md").lines().filter(|line| line.starts_with("| `"));
        let cells =
            rows.map(|row| row.split('|').map(|cell| cell.trim().trim_matches('`')).collect::<Vec<_>>());
        let settings = cells.filter(|cells| cells.len() == 7);
        settings.map(|cells| [cells[1], cells[2], cells[3], cells[4]]).collect()
    }

    /// The settings of the builders.
    fn setters() -> Vec<&'static str> {
        macro_rules! names {
            (
                all { $($(#[$doc:meta])* $all:ident: $all_type:ty,)* }
                redis { $($(#[$redis_doc:meta])* $redis:ident: $redis_type:ty,)* }
                redis_into { $($(#[$into_doc:meta])* $into:ident: $into_type:ty,)* }
            ) => {
                vec![$(stringify!($all),)* $(stringify!($redis),)* $(stringify!($into),)*]
            };
        }
        transport_settings!(names)
    }

    /// The fields of a struct, of its debug form.
    fn fields(debug: &str) -> BTreeSet<&str> {
        let fields = debug.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     "));
        fields.filter_map(|line| line.trim().split_once(':').map(|(name, _)| name)).collect()
    }

    fn of(query: &str) -> Result<RedisConfig, Invalid> {
        RedisConfig::from_url(format!("redis://host/?{query}"))
    }

    #[test]
    fn every_setting_has_a_field_a_setter_a_parameter_and_a_row() {
        let of_all: BTreeSet<_> = TransportConfig::SETTINGS.iter().copied().collect();
        let of_redis: BTreeSet<_> = RedisConfig::SETTINGS.iter().copied().collect();
        assert_eq!(fields(&format!("{:#?}", TransportConfig::default())), of_all);
        let beside = BTreeSet::from(["url", "transport", "bridge"]);
        assert_eq!(fields(&format!("{:#?}", RedisConfig::new("redis://host/"))), &of_redis | &beside);
        let settings = &of_all | &of_redis;
        assert_eq!(setters().into_iter().collect::<BTreeSet<_>>(), &settings | &BTreeSet::from(["bridge"]));
        assert_eq!(rows().iter().map(|[name, ..]| *name).collect::<BTreeSet<_>>(), settings);
    }

    #[test]
    fn rows_have_the_defaults_and_bounds_of_the_code() {
        let without = format!("{:?}", RedisConfig::new("redis://host/"));
        for [name, default, least, largest] in rows() {
            if !default.is_empty() {
                let with = of(&format!("{name}={default}")).expect(name);
                assert_eq!(format!("{with:?}"), without, "{name}={default}");
            }
            for bound in [least, largest].into_iter().filter(|bound| !bound.is_empty()) {
                of(&format!("{name}={bound}")).expect(name);
            }
            let below = match least {
                "1ms" => "999us",
                "1" => "0",
                _ => continue,
            };
            assert_eq!(of(&format!("{name}={below}")).expect_err(name).field, name);
            let above = if largest == "100years" { "101years" } else { "4294967296" };
            assert_eq!(of(&format!("{name}={above}")).expect_err(name).field, name);
        }
    }

    #[test]
    fn urls_set_what_they_name() {
        let config =
            of("prefix=shop&call_timeout=2s&durability=replicas:1:500ms&lease=10s").expect("a valid URL");
        assert_eq!((config.url.as_str(), config.prefix.as_str()), ("redis://host/", "shop"));
        assert_eq!(config.call_timeout, Duration::from_secs(2));
        let timeout = Duration::from_millis(500);
        assert_eq!(config.durability, Durability::Replicas { replicas: 1, timeout });
        assert_eq!(config.transport.lease, Duration::from_secs(10));
        let socket =
            RedisConfig::from_url("redis+unix:///run/redis.sock?db=2&lease=1s").expect("a valid URL");
        assert_eq!(socket.url.as_str(), "redis+unix:///run/redis.sock?db=2");
    }

    #[test]
    fn a_setting_that_can_not_be_used_is_named() {
        let built = |url: &str| {
            let builder =
                RhaiDispatcher::builder().caller_id("caller").lease(Duration::from_secs(3)).url(url);
            match builder.build() {
                Err(RhaiDispatcherError::Invalid(invalid)) => invalid.to_string(),
                other => panic!("{other:?}"),
            }
        };
        for (url, says) in [
            ("redis://host/?leese=1s", "unknown parameter \"leese\"; write lease"),
            ("redis://host/?call_timeout=5", "call_timeout: \"5\" is not a duration"),
            (
                "redis://host/?durability=disk",
                "durability: \"disk\" is not a durability; write durability=server",
            ),
            ("redis://host/?durability=replicas:x:1s", "\"x\", which is not a whole number"),
            ("redis://host/?prefix={a}", "prefix: \"{a}\" can't begin a key"),
            ("redis://host/?lease=1s", "lease: is given in the URL too"),
            ("redis://host/?db=1", "unknown parameter \"db\""),
            ("redis-cluster://host/1", "has a database, of which a cluster has none but 0"),
            ("memory:jobs?lease=1s", "lease: is given in the URL too"),
            ("memory:jobs?quue_limit=1", "write queue_limit"),
            ("memory:jobs?queue_limit=x", "queue_limit: \"x\" is not a whole number"),
            ("memory:?record_ttl=0s", "record_ttl: is shorter than a millisecond"),
            ("memory:?call_timeout=1s", "call_timeout: is a setting of Redis"),
        ] {
            let told = built(url);
            assert!(told.contains(says), "{url}: {told}");
        }
        let builder =
            RhaiDispatcher::builder().caller_id("caller").url("memory:settings?queue_limit=5&max_events=3");
        builder.build().expect("a valid URL");
    }

    #[test]
    fn no_debug_form_shows_a_password() {
        let passwords = ["pass-of-redis", "pass-of-sentinels"];
        let url = "redis-sentinel://ann:pass-of-redis@127.0.0.1:1/main?sentinel_password=pass-of-sentinels";
        let config = RedisConfig::from_url(url).expect("a config");
        let builder = RhaiDispatcher::builder().caller_id("caller").url(url);
        let by_setter = RhaiDispatcher::builder()
            .caller_id("caller")
            .url("redis-sentinel://ann:pass-of-redis@127.0.0.1:1/main")
            .sentinel_password("pass-of-sentinels");
        let forms = [
            format!("{config:?}"),
            format!("{builder:?}"),
            format!("{by_setter:?}"),
            format!("{:?}", crate::RhaiWorker::builder("worker-1").url(url)),
            format!("{:?}", rhai_dispatcher_redis::RedisTransport::new(config).expect("a transport")),
            format!("{:?}", builder.build().expect("a dispatcher").transport()),
            format!("{:?}", by_setter.build().expect("a dispatcher").transport()),
        ];
        for form in forms {
            assert!(form.contains("***"), "{form}");
            assert!(passwords.iter().all(|password| !form.contains(password)), "{form}");
        }
    }
}
