use std::sync::Arc;

#[cfg(feature = "memory")]
use rhai_dispatcher_core::TransportConfig;
#[cfg(any(feature = "memory", feature = "redis"))]
use rhai_dispatcher_core::UrlParameters;
use rhai_dispatcher_core::{Invalid, Transport};

use super::settings::TransportSettings;
use crate::RhaiDispatcherError;

/// The transport of a builder: of its URL, or made elsewhere.
#[derive(Debug)]
pub(crate) enum TransportChoice {
    /// `memory:`, a private hub with these settings.
    #[cfg(feature = "memory")]
    Private(Box<TransportConfig>),
    /// A transport that other handles can reach too.
    Shared(Arc<dyn Transport>),
}

impl TransportChoice {
    /// The transport that a builder was told.
    ///
    /// # Errors
    /// If neither a URL nor a transport is set, or both are, or a setting does not go with it.
    pub(crate) fn of(
        url: Option<&str>,
        transport: Option<Arc<dyn Transport>>,
        settings: TransportSettings,
    ) -> Result<Self, RhaiDispatcherError> {
        match (url, transport) {
            (Some(url), None) => Self::parse(url, settings),
            (None, Some(transport)) => {
                settings.refuse_beside_transport()?;
                Ok(Self::Shared(transport))
            }
            (None, None) => Err(Invalid::new(
                "url",
                "is missing",
                "name the transport with url(...), such as redis://127.0.0.1/ or memory:",
            )
            .into()),
            (Some(_), Some(_)) => {
                Err(Invalid::new("url", "is given beside a transport", "give one of them").into())
            }
        }
    }

    fn parse(url: &str, settings: TransportSettings) -> Result<Self, RhaiDispatcherError> {
        /// The forms of a URL.
        const HINT: &str = "use memory:, memory:NAME, redis://[user:password@]host[:port][/database], rediss://… for TLS, \
            redis+unix:///path, redis-cluster://host[:port][,host[:port]…] or \
            redis-sentinel://host[:port][,host[:port]…]/master";
        let Some((scheme, rest)) = url.split_once(':').filter(|(scheme, rest)| is_scheme(scheme, rest))
        else {
            let problem = match is_host(url) {
                true => format!("it has no scheme; for a Redis server write redis://{url}"),
                false => "it has no scheme".to_owned(),
            };
            return Err(Invalid::new("url", problem, HINT).into());
        };
        match scheme {
            "memory" => memory(rest, settings),
            "redis" | "rediss" | "redis+unix" | "unix" | "redis-sentinel" | "rediss-sentinel"
            | "redis-cluster" | "rediss-cluster" => redis(url, settings),
            // The same for servers of Valkey.
            "valkey" | "valkeys" | "valkey+unix" | "valkey-sentinel" | "valkeys-sentinel"
            | "valkey-cluster" | "valkeys-cluster" => redis(url, settings),
            _ => Err(RhaiDispatcherError::Unsupported { scheme: scheme.to_owned(), hint: HINT }),
        }
    }
}

/// Whether what is before the first colon of a URL is a scheme, and not a host before its port.
fn is_scheme(text: &str, rest: &str) -> bool {
    let port = rest.split(['/', '?']).next().unwrap_or_default();
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-');
    text == "memory"
        || (!is_port && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_plain))
}

/// Whether a text is a host with or without a port: what is shown of a URL must not have a password.
fn is_host(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '/');
    !text.is_empty() && text.len() <= 256 && text.chars().all(is_plain)
}

#[cfg(feature = "memory")]
fn memory(rest: &str, settings: TransportSettings) -> Result<TransportChoice, RhaiDispatcherError> {
    use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

    let (name, mut parameters) = UrlParameters::split("url", rest)?;
    settings.refuse_beside_memory(&parameters)?;
    settings.refuse_twice(&parameters)?;
    let mut config = settings.transport();
    config.set_from(&mut parameters)?;
    parameters.finish(TransportConfig::SETTINGS.iter().copied())?;
    config.check()?;
    if name.is_empty() {
        return Ok(TransportChoice::Private(Box::new(config)));
    }
    // The name of a hub is spelled like that of a queue, so it needs no quoting.
    if let Err(invalid) = rhai_dispatcher_core::WorkerId::try_from(name) {
        let hint = "name the hub as a worker id is named, such as memory:jobs";
        return Err(Invalid::new("url", invalid.problem, hint).into());
    }
    let config = MemoryConfig::default().with_transport(config);
    Ok(TransportChoice::Shared(Arc::new(MemoryTransport::named(name, config))))
}

#[cfg(not(feature = "memory"))]
fn memory(_name: &str, _settings: TransportSettings) -> Result<TransportChoice, RhaiDispatcherError> {
    Err(RhaiDispatcherError::Unsupported {
        scheme: "memory".to_owned(),
        hint: "build with the feature `memory`",
    })
}

#[cfg(feature = "redis")]
fn redis(url: &str, settings: TransportSettings) -> Result<TransportChoice, RhaiDispatcherError> {
    use rhai_dispatcher_list_bridge::{FollowingTransport, ListTransport, ListUrl};

    settings.refuse_twice(&UrlParameters::split("url", url)?.1)?;
    if let Some(list) = ListUrl::parse(url)? {
        let config = settings.redis(list.server());
        return Ok(TransportChoice::Shared(Arc::new(ListTransport::new(&list, config)?)));
    }
    let transport = rhai_dispatcher_redis::RedisTransport::new(settings.redis(url))?;
    Ok(TransportChoice::Shared(Arc::new(FollowingTransport::new(transport))))
}

#[cfg(not(feature = "redis"))]
fn redis(_url: &str, _settings: TransportSettings) -> Result<TransportChoice, RhaiDispatcherError> {
    Err(RhaiDispatcherError::Unsupported {
        scheme: "redis".to_owned(),
        hint: "build with the feature `redis`",
    })
}
