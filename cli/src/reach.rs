use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rhai_dispatcher::transport::UrlParameters;

/// Whether a server takes connections, as far as that is known at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It takes them, or the URL does not tell where it is.
    Reached,
    /// It does not answer in time, and may yet.
    Silent(String),
    /// Nothing takes them at its address, or its host has no address: the problem.
    Refused(String),
}

/// How long a connection may take before the command says that it waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// The port of Redis.
const DEFAULT_PORT: u16 = 6379;

/// The port of a Sentinel.
const DEFAULT_SENTINEL_PORT: u16 = 26_379;

impl Reach {
    /// Connects to the server that a URL names, and closes the connection.
    pub(crate) fn of(url: &str) -> Self {
        let Ok((server, _)) = UrlParameters::split("url", url) else { return Self::Reached };
        let Some((scheme, rest)) = server.split_once("://") else { return Self::Reached };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if scheme.ends_with("unix") {
            return Self::socket(path);
        }
        let addresses = authority.rsplit_once('@').map_or(authority, |(_, addresses)| addresses);
        let default = if scheme.ends_with("sentinel") { DEFAULT_SENTINEL_PORT } else { DEFAULT_PORT };
        // Of several Sentinels one is enough.
        let mut worst = Self::Reached;
        for address in addresses.split(',') {
            match Self::host(address, default) {
                Self::Reached => return Self::Reached,
                problem => worst = problem,
            }
        }
        worst
    }

    fn host(address: &str, default: u16) -> Self {
        // A bracket ends an IPv6 address, which has colons of its own.
        let address = match address.rsplit_once(':') {
            Some((_, port)) if !port.contains(']') => address.to_owned(),
            _ => format!("{address}:{default}"),
        };
        let addresses = match address.to_socket_addrs() {
            Ok(addresses) => addresses,
            Err(error) => return Self::Refused(format!("the host of {address} has no address: {error}")),
        };
        let mut worst = Self::Refused(format!("the host of {address} has no address"));
        for found in addresses {
            worst = match TcpStream::connect_timeout(&found, PATIENCE) {
                Ok(_) => return Self::Reached,
                Err(error) => Self::of_error(&address, &error),
            };
        }
        worst
    }

    fn of_error(address: &str, error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::NotFound | ErrorKind::PermissionDenied => {
                Self::Refused(format!("nothing takes connections at {address}: {error}"))
            }
            ErrorKind::TimedOut => Self::Silent(format!("{address} does not answer")),
            _ => Self::Silent(format!("{address}: {error}")),
        }
    }

    #[cfg(unix)]
    fn socket(path: &str) -> Self {
        match UnixStream::connect(path) {
            Ok(_) => Self::Reached,
            Err(error) => Self::of_error(path, &error),
        }
    }

    #[cfg(not(unix))]
    fn socket(_: &str) -> Self {
        Self::Reached
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn server_takes_connections_or_the_address_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        for url in [
            format!("redis://{address}/"),
            format!("redis://ann:pa@ss@{address}/1?prefix=x"),
            format!("redis://ann:pa?ss@{address}/"),
        ] {
            assert_eq!(Reach::of(&url), Reach::Reached, "{url}");
        }
        let sentinels = format!("redis-sentinel://127.0.0.1:1,{address}/master");
        assert_eq!(Reach::of(&sentinels), Reach::Reached, "one of them");
        drop(listener);
        let Reach::Refused(problem) = Reach::of(&format!("redis://:geheim@{address}")) else {
            panic!("the port is closed")
        };
        assert!(problem.contains(&address.to_string()) && !problem.contains("geheim"), "{problem}");
        let Reach::Refused(problem) = Reach::of("redis://no-such-host.invalid/") else {
            panic!("that host has no address")
        };
        assert!(problem.contains("no-such-host.invalid:6379"), "{problem}");
        #[cfg(unix)]
        assert!(matches!(Reach::of("redis+unix:///no/such/a@b.sock"), Reach::Refused(_)));
        // Errors of a URL are those of the library.
        for url in ["nothing", "redis://:geheim?ss"] {
            assert_eq!(Reach::of(url), Reach::Reached);
        }
    }
}
