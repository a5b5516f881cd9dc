use std::time::Duration;

use fred::types::RespVersion;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, ServerConfig};
use rhai_dispatcher_core::Invalid;

/// A server, and the user of its connections.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    config: Config,
    /// How long connecting may take.
    timeout: Duration,
}

impl Endpoint {
    /// What `url` names.
    pub(crate) fn parse(url: &str, timeout: Duration) -> Result<Self, Invalid> {
        let config = match url.split_once("://") {
            Some(("redis" | "valkey", _)) => tcp(url)?,
            Some(("redis+unix" | "valkey+unix" | "unix", rest)) => unix(rest)?,
            _ => {
                return Err(invalid("names no transport that is supported here"));
            }
        };
        Ok(Self { config, timeout })
    }

    pub(super) fn config(&self) -> Config {
        self.config.clone()
    }

    /// Where the server is, for messages.
    pub(super) fn address(&self) -> String {
        match &self.config.server {
            ServerConfig::Centralized { server } => format!("{}:{}", server.host, server.port),
            ServerConfig::Unix { path } => path.display().to_string(),
            _ => "the server".into(), // no URL makes others
        }
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn connection_config(&self) -> ConnectionConfig {
        let mut config = ConnectionConfig {
            connection_timeout: self.timeout,
            internal_command_timeout: self.timeout,
            // A command is sent once: whether it may be repeated is not the client's to say.
            max_command_attempts: 1,
            ..ConnectionConfig::default()
        };
        config.tcp.nodelay = Some(true);
        config
    }

    pub(super) fn performance_config(&self) -> PerformanceConfig {
        /// How many messages wait for a subscriber on the same runtime. Each has the outcomes of up to 128 tasks; a
        /// subscriber that is behind by more reads the records instead.
        const MESSAGES: usize = 512;
        PerformanceConfig {
            default_command_timeout: Duration::ZERO,
            broadcast_channel_capacity: MESSAGES,
            ..PerformanceConfig::default()
        }
    }
}

fn tcp(url: &str) -> Result<Config, Invalid> {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    // A password may have a ? in it, a host may not.
    let (rest, query) = match rest.rfind('?').filter(|at| rest.rfind('@').is_none_or(|user| user < *at)) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    };
    if !query.is_empty() {
        return Err(invalid("has a query, and none is known"));
    }
    if rest.rfind('@').is_some_and(|at| rest[..at].contains('/')) {
        return Err(invalid("has a / before its @; write one in a user or password as %2F"));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, address) = split_credentials(authority);
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && (!host.contains(':') || host.ends_with(']')) => {
            // Not quoted, here and below: it may be a password in the wrong place.
            let port =
                port.parse::<u16>().map_err(|_| invalid("has a port that is not a number below 65536"))?;
            (host, port)
        }
        _ => (address, 6379),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(invalid("has no host"));
    }
    let database = match path.trim_end_matches('/') {
        "" => None,
        number => {
            Some(number.parse::<u8>().map_err(|_| invalid("has a database that is not a number below 256"))?)
        }
    };
    config(ServerConfig::new_centralized(host, port), credentials, database)
}

fn unix(rest: &str) -> Result<Config, Invalid> {
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if path.len() < 2 {
        return Err(invalid("has no path of a socket"));
    }
    let database = match query.split_once('=') {
        None if query.is_empty() => None,
        Some(("db", number)) => {
            Some(number.parse::<u8>().map_err(|_| invalid("has a database that is not a number below 256"))?)
        }
        _ => return Err(invalid("has a query other than db")),
    };
    let (credentials, _) = split_credentials(authority);
    config(ServerConfig::new_unix_socket(path), credentials, database)
}

fn split_credentials(authority: &str) -> (Option<&str>, &str) {
    match authority.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, authority),
    }
}

fn config(server: ServerConfig, credentials: Option<&str>, database: Option<u8>) -> Result<Config, Invalid> {
    // RESP3 begins a connection with HELLO. RESP2 begins it with PING, which a server that can't save its data refuses.
    let version = RespVersion::RESP3;
    let mut config = Config { server, database, version, fail_fast: true, ..Config::default() };
    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let set = |text: &str| -> Result<Option<String>, Invalid> {
            let text = decode_percent(text)?;
            Ok((!text.is_empty()).then_some(text))
        };
        config.username = set(user)?;
        config.password = set(password)?;
        if config.password.is_none() {
            return Err(invalid("has a user without a password"));
        }
    }
    Ok(config)
}

fn decode_percent(text: &str) -> Result<String, Invalid> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) => bytes.push(u8::try_from(high * 16 + low).unwrap_or_default()),
            _ => return Err(invalid("has a % that no two hexadecimal digits follow")),
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid("has a user or password that is not UTF-8"))
}

/// A refusal that does not show the URL, which may have a password in it.
fn invalid(problem: impl Into<std::borrow::Cow<'static, str>>) -> Invalid {
    Invalid::new(
        "redis_url",
        problem,
        "write redis://[user[:password]@]host[:port][/database] or redis+unix:///path/to/socket",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Config, Invalid> {
        Endpoint::parse(url, Duration::from_secs(1)).map(|endpoint| endpoint.config)
    }

    #[test]
    fn urls_name_servers_users_and_databases() {
        let config = parse("redis://:s%40crt@example.org:7000/3").expect("a URL");
        assert_eq!(config.server, ServerConfig::new_centralized("example.org", 7000));
        assert_eq!((config.username, config.password.as_deref()), (None, Some("s@crt")));
        assert_eq!(config.database, Some(3));
        let config = parse("redis://127.0.0.1/").expect("a URL");
        assert_eq!(config.server, ServerConfig::new_centralized("127.0.0.1", 6379));
        let config = parse("redis://[::1]:6380").expect("a URL");
        assert_eq!(config.server, ServerConfig::new_centralized("::1", 6380));
        let config = parse("redis+unix:///run/redis.sock?db=2").expect("a URL");
        assert_eq!(config.server, ServerConfig::new_unix_socket("/run/redis.sock"));
        assert_eq!(config.database, Some(2));
    }

    #[test]
    fn bad_urls_are_refused_without_showing_the_password() {
        for bad in [
            "",
            "localhost",
            "http://localhost",
            "redis://",
            "redis://:secret@/1",
            "redis://:secret@host:port",
            "redis://:secret@host/one",
            "redis://:secret@host/999",
            "redis://secret@host",
            "redis://:secret%2@host",
            "redis://:secret@host?x=1",
            "redis://ann:12/secret@host/0",
            "redis://:se/secret@host",
            "redis://user:secret",
            "redis+unix://",
        ] {
            let error = parse(bad).expect_err(bad);
            assert_eq!(error.field, "redis_url");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
