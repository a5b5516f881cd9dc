use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use crate::config::GatewayConfig;

/// The client of a request: an extension of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its address; of a trusted proxy, the one that the proxy names.
    pub(crate) address: IpAddr,
    /// Whether it uses TLS, to here or to a trusted proxy.
    pub(crate) is_secure: bool,
    /// Whether a trusted proxy says that it serves the gateway below a path.
    pub(crate) is_below_a_path: bool,
}

impl Peer {
    pub(super) fn of(
        connection: SocketAddr,
        is_tls: bool,
        headers: &HeaderMap,
        config: &GatewayConfig,
    ) -> Self {
        let direct = connection.ip().to_canonical();
        let is_proxy = |address: &IpAddr| config.trusted_proxies.contains(address);
        if !is_proxy(&direct) {
            return Self { address: direct, is_secure: is_tls, is_below_a_path: false };
        }
        let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let forwarded: Vec<_> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        // Each proxy adds the address that it sees at the end: what is before the last one that is not a proxy of ours
        // can be made up.
        let addresses = forwarded.iter().rev().map_while(|text| address_of(text));
        let address = addresses.map(|address| address.to_canonical()).find(|address| !is_proxy(address));
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            address: address.unwrap_or(direct),
            is_secure: is_tls || text("x-forwarded-proto") == Some("https"),
            is_below_a_path: text("x-forwarded-prefix").is_some_and(|prefix| !matches!(prefix, "" | "/")),
        }
    }
}

/// The address that a proxy names. Some add the port.
fn address_of(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_address_counts_only_from_a_named_proxy() {
        let config = GatewayConfig::default().with_trusted_proxy("10.0.0.1".parse().expect("an address"));
        let peer = |from: &str, forwarded: &str| {
            let headers = HeaderMap::from_iter([
                ("x-forwarded-for".parse().expect("a name"), forwarded.parse().expect("a value")),
                ("x-forwarded-proto".parse().expect("a name"), "https".parse().expect("a value")),
            ]);
            let peer = Peer::of(SocketAddr::new(from.parse().expect(from), 1), false, &headers, &config);
            (peer.address.to_string(), peer.is_secure)
        };
        assert_eq!(peer("192.0.2.7", "198.51.100.1"), ("192.0.2.7".to_owned(), false));
        assert_eq!(peer("10.0.0.1", "198.51.100.1"), ("198.51.100.1".to_owned(), true));
        assert_eq!(
            peer("::ffff:10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.1"),
            ("198.51.100.1".to_owned(), true)
        );
        assert_eq!(peer("10.0.0.1", "1.2.3.4, nonsense"), ("10.0.0.1".to_owned(), true));
        for (named, address) in [
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(peer("10.0.0.1", named).0, address, "{named}");
        }
    }

    #[test]
    fn forwarded_prefix_counts_only_from_a_named_proxy() {
        let config = GatewayConfig::default().with_trusted_proxy("10.0.0.1".parse().expect("an address"));
        let is_below = |from: &str, prefix: &str| {
            let header = ("x-forwarded-prefix".parse().expect("a name"), prefix.parse().expect("a value"));
            let from = SocketAddr::new(from.parse().expect(from), 1);
            Peer::of(from, false, &HeaderMap::from_iter([header]), &config).is_below_a_path
        };
        assert!(is_below("10.0.0.1", "/ops/rhai"));
        assert!(!is_below("10.0.0.1", "/") && !is_below("10.0.0.1", ""));
        assert!(!is_below("192.0.2.7", "/ops/rhai"));
    }
}
