use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use metrics::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::address_table::{AddressPermit, AddressTable};
use crate::config::GatewayConfig;
use crate::metrics::Counted;

/// Lets as many connections in as there may be.
#[derive(Debug)]
pub(super) struct Gate {
    connections: Gauge,
    all: Arc<Semaphore>,
    addresses: Arc<AddressTable>,
    max_per_address: usize,
    /// They have the connections of many clients.
    proxies: Vec<IpAddr>,
    alive: mpsc::Sender<()>,
}

/// A connection that was let in; it counts until its last clone is dropped. An extension of its requests, since a
/// WebSocket outlives the request that it began with.
#[derive(Debug, Clone)]
pub(crate) struct GatePermit {
    _counted: Arc<(OwnedSemaphorePermit, Option<AddressPermit>, Counted)>,
    /// The gateway has ended when all of these are dropped.
    _alive: mpsc::Sender<()>,
}

/// Why a connection was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    All,
    Address,
}

impl Gate {
    /// And what ends when the gate and all connections are dropped.
    pub(super) fn new(config: &GatewayConfig, connections: Gauge) -> (Self, mpsc::Receiver<()>) {
        let all = config.max_connections.min(Semaphore::MAX_PERMITS);
        let (alive, living) = mpsc::channel(1);
        let gate = Self {
            connections,
            all: Arc::new(Semaphore::new(all)),
            addresses: Arc::default(),
            max_per_address: config.max_connections_per_address,
            proxies: config.trusted_proxies.clone(),
            alive,
        };
        (gate, living)
    }

    pub(super) fn enter(&self, peer: SocketAddr) -> Result<GatePermit, Full> {
        let all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Full::All)?;
        let address = match self.proxies.contains(&peer.ip().to_canonical()) {
            true => None,
            false => Some(self.addresses.enter(peer.ip(), self.max_per_address).ok_or(Full::Address)?),
        };
        let counted = Counted::new(&self.connections);
        Ok(GatePermit { _counted: Arc::new((all, address, counted)), _alive: self.alive.clone() })
    }
}

impl Full {
    /// The name of the limit.
    pub(super) const fn limit(self) -> &'static str {
        match self {
            Self::All => "max_connections",
            Self::Address => "max_connections_per_address",
        }
    }

    /// What the client is told, as far as it takes it at once.
    pub(super) const fn answer(self) -> &'static [u8] {
        match self {
            Self::All => {
                b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 44\r\n\
                  retry-after: 1\r\nconnection: close\r\n\r\nthe gateway is full (limit max_connections)\n"
            }
            Self::Address => {
                b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\ncontent-length: 68\r\n\
                  retry-after: 1\r\nconnection: close\r\n\r\n\
                  this address has too many connections (max_connections_per_address)\n"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_and_a_trusted_proxy_has_only_that_of_all() {
        let proxy: SocketAddr = "10.0.0.1:1".parse().expect("an address");
        let other: SocketAddr = "10.0.0.2:1".parse().expect("an address");
        let config = GatewayConfig::default().with_max_connections(4).with_max_connections_per_address(1);
        let (gate, _living) = Gate::new(&config.with_trusted_proxy(proxy.ip()), Gauge::noop());
        let one = gate.enter(other).expect("room");
        assert_eq!(gate.enter(other).err(), Some(Full::Address));
        let _proxied: Vec<_> = (0..3).map(|_| gate.enter(proxy).expect("room")).collect();
        assert_eq!(gate.enter(proxy).err(), Some(Full::All));
        drop(one);
        assert!(gate.enter(other).is_ok());
    }

    #[test]
    fn refusals_say_how_long_they_are() {
        for full in [Full::All, Full::Address] {
            let text = std::str::from_utf8(full.answer()).expect("text");
            let (head, body) = text.split_once("\r\n\r\n").expect("a head");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{text} has {}", body.len());
        }
    }
}
