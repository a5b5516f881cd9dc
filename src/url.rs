use std::sync::Arc;

use rhai_dispatcher_core::{Invalid, Transport};

use crate::RhaiDispatcherError;
use crate::record_settings::RecordSettings;

/// What a URL names.
#[derive(Debug)]
pub(crate) enum Target {
    /// `memory:`, a hub of its own.
    #[cfg(feature = "memory")]
    Private,
    /// A transport that others can reach.
    Shared(Arc<dyn Transport>),
}

impl Target {
    /// The target of `url`; `prefix` is for the transports that have one.
    pub(crate) fn parse(
        url: &str,
        prefix: Option<&str>,
        records: RecordSettings,
    ) -> Result<Self, RhaiDispatcherError> {
        /// What a URL may look like.
        const HINT: &str = "use memory:, memory:NAME, redis://[user:password@]host[:port][/database] or redis+unix:///path (no TLS)";
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(Invalid::new("url", "it has no scheme", HINT).into());
        };
        match scheme {
            "memory" => memory(rest, prefix, records),
            "redis" | "redis+unix" | "unix" => redis(url, prefix, records),
            _ => Err(RhaiDispatcherError::Unsupported { scheme: scheme.to_owned(), hint: HINT }),
        }
    }
}

#[cfg(feature = "memory")]
fn memory(name: &str, prefix: Option<&str>, records: RecordSettings) -> Result<Target, RhaiDispatcherError> {
    use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

    if prefix.is_some() {
        let problem = "memory: has no keys that could have one";
        return Err(
            Invalid::new("prefix", problem, "use it with a redis:// URL, or memory:NAME without it").into()
        );
    }
    if name.is_empty() {
        return Ok(Target::Private);
    }
    // A hub's name is spelled like a queue's, so that it needs no quoting anywhere.
    if let Err(invalid) = rhai_dispatcher_core::WorkerId::try_from(name) {
        let hint = "name the hub as a worker id is named, such as memory:jobs";
        return Err(Invalid::new("url", invalid.problem, hint).into());
    }
    Ok(Target::Shared(Arc::new(MemoryTransport::named(
        name,
        MemoryConfig::default().with_transport(records.config()),
    ))))
}

#[cfg(not(feature = "memory"))]
fn memory(
    _name: &str,
    _prefix: Option<&str>,
    _records: RecordSettings,
) -> Result<Target, RhaiDispatcherError> {
    Err(RhaiDispatcherError::Unsupported {
        scheme: "memory".to_owned(),
        hint: "build with the feature `memory`",
    })
}

#[cfg(feature = "redis")]
fn redis(url: &str, prefix: Option<&str>, records: RecordSettings) -> Result<Target, RhaiDispatcherError> {
    use rhai_dispatcher_redis::{RedisConfig, RedisTransport};

    let config = RedisConfig::new(url).with_transport(records.config());
    let config = prefix.map_or_else(|| config.clone(), |prefix| config.clone().with_prefix(prefix));
    Ok(Target::Shared(Arc::new(RedisTransport::new(config)?)))
}

#[cfg(not(feature = "redis"))]
fn redis(_url: &str, _prefix: Option<&str>, _records: RecordSettings) -> Result<Target, RhaiDispatcherError> {
    Err(RhaiDispatcherError::Unsupported {
        scheme: "redis".to_owned(),
        hint: "build with the feature `redis`",
    })
}
