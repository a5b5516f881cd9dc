use std::path::PathBuf;

use rhai_dispatcher_core::{Invalid, decode_percent};

/// What a URL without a query names: where the server is, and the user and database of its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<u8>,
    pub(super) uses_tls: bool,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// At a host and port.
    Host(String, u16),
    /// At a socket of this machine.
    Socket(PathBuf),
    /// Where Sentinels say.
    Master {
        /// The name by which they know it.
        name: String,
        /// Their hosts and ports.
        sentinels: Vec<(String, u16)>,
    },
    /// At those of a cluster that have a slot. These are hosts and ports of some of its servers.
    Cluster(Vec<(String, u16)>),
}

/// The ports where the URL has none.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// How many Sentinels, or servers of a cluster, a URL may name.
const MAX_ADDRESSES: usize = 16;

impl ServerUrl {
    /// Reads a URL. Of its query it knows only `db`, of a socket.
    pub(crate) fn parse(url: &str) -> Result<Self, Invalid> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(invalid("names no transport that is supported here"));
        };
        match scheme {
            "redis" | "valkey" => host(rest, false),
            "rediss" | "valkeys" => host(rest, true),
            "redis-sentinel" | "valkey-sentinel" => master(rest, false),
            "rediss-sentinel" | "valkeys-sentinel" => master(rest, true),
            "redis+unix" | "valkey+unix" | "unix" => socket(rest),
            "redis-cluster" | "valkey-cluster" => cluster(rest, false),
            "rediss-cluster" | "valkeys-cluster" => cluster(rest, true),
            _ => Err(invalid("names no transport that is supported here")),
        }
    }

    /// Whether a URL is of a socket.
    pub(crate) fn is_socket(url: &str) -> bool {
        url.split_once("://").is_some_and(|(scheme, _)| scheme.ends_with("unix"))
    }
}

fn host(rest: &str, uses_tls: bool) -> Result<ServerUrl, Invalid> {
    let (credentials, address, path) = split(rest)?;
    let (host, port) = host_and_port(address, PORT)?;
    server(Place::Host(host, port), credentials, database(path)?, uses_tls)
}

fn master(rest: &str, uses_tls: bool) -> Result<ServerUrl, Invalid> {
    let (credentials, addresses, path) = split(rest)?;
    let sentinels = hosts_and_ports(addresses, SENTINEL_PORT)?;
    let (name, path) = path.split_once('/').unwrap_or((path, ""));
    let name = decode_percent(name).map_err(invalid)?;
    if name.is_empty() {
        return Err(invalid("has no name of a master behind its Sentinels"));
    }
    server(Place::Master { name, sentinels }, credentials, database(path)?, uses_tls)
}

fn cluster(rest: &str, uses_tls: bool) -> Result<ServerUrl, Invalid> {
    let (credentials, addresses, path) = split(rest)?;
    if !matches!(database(path)?, None | Some(0)) {
        return Err(invalid("has a database, of which a cluster has none but 0"));
    }
    server(Place::Cluster(hosts_and_ports(addresses, PORT)?), credentials, None, uses_tls)
}

fn socket(rest: &str) -> Result<ServerUrl, Invalid> {
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
        Some(("db", number)) => Some(number.parse::<u8>().map_err(|_| bad_database())?),
        _ => return Err(invalid("has a query other than db")),
    };
    let credentials = authority.rsplit_once('@').map(|(credentials, _)| credentials);
    server(Place::Socket(path.into()), credentials, database, false)
}

/// The credentials, addresses and path of what comes after `://`.
fn split(rest: &str) -> Result<(Option<&str>, &str, &str), Invalid> {
    if rest.rfind('@').is_some_and(|at| rest[..at].contains('/')) {
        return Err(invalid("has a / before its @; write one in a user or password as %2F"));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(match authority.rsplit_once('@') {
        Some((credentials, addresses)) => (Some(credentials), addresses, path),
        None => (None, authority, path),
    })
}

fn hosts_and_ports(addresses: &str, default: u16) -> Result<Vec<(String, u16)>, Invalid> {
    let all = addresses.split(',').map(|address| host_and_port(address, default));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    match all.len() {
        0..=MAX_ADDRESSES => Ok(all),
        _ => Err(invalid("has more than 16 addresses; three are enough to begin with")),
    }
}

fn host_and_port(address: &str, default: u16) -> Result<(String, u16), Invalid> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && (!host.contains(':') || host.ends_with(']')) => {
            // Not quoted, here and below: it may be a password in the wrong place.
            let port =
                port.parse::<u16>().map_err(|_| invalid("has a port that is not a number below 65536"))?;
            (host, port)
        }
        _ => (address, default),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(invalid("has no host"));
    }
    Ok((host.to_owned(), port))
}

fn database(path: &str) -> Result<Option<u8>, Invalid> {
    match path.trim_end_matches('/') {
        "" => Ok(None),
        number => number.parse::<u8>().map(Some).map_err(|_| bad_database()),
    }
}

fn bad_database() -> Invalid {
    invalid("has a database that is not a number below 256")
}

fn server(
    place: Place,
    credentials: Option<&str>,
    database: Option<u8>,
    uses_tls: bool,
) -> Result<ServerUrl, Invalid> {
    let mut server = ServerUrl { place, user: None, password: None, database, uses_tls };
    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let read = |text: &str| -> Result<Option<String>, Invalid> {
            let text = decode_percent(text)
                .map_err(|problem| invalid(format!("has a user or password that {problem}")))?;
            Ok((!text.is_empty()).then_some(text))
        };
        (server.user, server.password) = (read(user)?, read(password)?);
        if server.password.is_none() {
            return Err(invalid("has a user without a password"));
        }
    }
    Ok(server)
}

/// A refusal that does not show the URL, which may have a password in it.
pub(super) fn invalid(problem: impl Into<std::borrow::Cow<'static, str>>) -> Invalid {
    Invalid::new(
        "redis_url",
        problem,
        "write redis://[user[:password]@]host[:port][/database], rediss://… for TLS, redis+unix:///path/to/socket, \
         redis-cluster://host[:port][,host[:port]…] or redis-sentinel://host[:port][,host[:port]…]/master[/database]",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_servers_users_and_databases() {
        let url = ServerUrl::parse("redis://:s%40crt@example.org:7000/3").expect("a URL");
        assert_eq!(url.place, Place::Host("example.org".into(), 7000));
        assert_eq!((url.user, url.password.as_deref()), (None, Some("s@crt")));
        assert_eq!((url.database, url.uses_tls), (Some(3), false));
        let url = ServerUrl::parse("rediss://127.0.0.1/").expect("a URL");
        assert_eq!((url.place, url.uses_tls), (Place::Host("127.0.0.1".into(), 6379), true));
        let url = ServerUrl::parse("redis://[::1]:6380").expect("a URL");
        assert_eq!(url.place, Place::Host("::1".into(), 6380));
        let url = ServerUrl::parse("redis+unix:///run/redis.sock?db=2").expect("a URL");
        assert_eq!((url.place, url.database), (Place::Socket("/run/redis.sock".into()), Some(2)));
    }

    #[test]
    fn urls_of_sentinels_name_a_master() {
        let url = ServerUrl::parse("rediss-sentinel://ann:secret@one:1,[::1]:2,three/my%2Fmaster/4")
            .expect("a URL");
        let sentinels = [("one", 1), ("::1", 2), ("three", 26_379)];
        let sentinels = sentinels.map(|(host, port)| (host.to_owned(), port)).to_vec();
        assert_eq!(url.place, Place::Master { name: "my/master".into(), sentinels });
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("ann"), Some("secret")));
        assert_eq!((url.database, url.uses_tls), (Some(4), true));
        for bad in [
            "redis-sentinel://one:1",
            "redis-sentinel://one:1/",
            "redis-sentinel://one,,two/m",
            "redis-sentinel://one/m/x",
        ] {
            assert_eq!(ServerUrl::parse(bad).expect_err(bad).field, "redis_url");
        }
    }

    #[test]
    fn urls_of_clusters_name_some_of_their_servers() {
        let url = ServerUrl::parse("rediss-cluster://ann:secret@one:7000,[::1],three/0").expect("a URL");
        let nodes = [("one", 7000), ("::1", 6379), ("three", 6379)];
        assert_eq!(url.place, Place::Cluster(nodes.map(|(host, port)| (host.to_owned(), port)).to_vec()));
        assert_eq!((url.user.as_deref(), url.database, url.uses_tls), (Some("ann"), None, true));
        for bad in ["redis-cluster://", "redis-cluster://one,", "redis-cluster://one/2"] {
            assert_eq!(ServerUrl::parse(bad).expect_err(bad).field, "redis_url");
        }
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
            "redis://ann:12/secret@host/0",
            "redis://:se/secret@host",
            "redis://user:secret",
            "redis-cluster://:secret@host/1",
            "redis+unix://",
        ] {
            let error = ServerUrl::parse(bad).expect_err(bad);
            assert_eq!(error.field, "redis_url");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
