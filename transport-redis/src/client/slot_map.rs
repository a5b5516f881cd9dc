use std::sync::Arc;

use super::{Network, ServerReply};
use crate::slot::Slot;

/// The host and port of a server.
pub(super) type Address = (String, u16);

/// Which servers of a cluster have which slots.
#[derive(Debug)]
pub(super) struct SlotMap {
    servers: Vec<(Address, Arc<Network>)>,
    /// The first and last slot of each range, and the index of its server, in order.
    ranges: Vec<(u16, u16, usize)>,
}

impl SlotMap {
    /// `server` makes the server at an address.
    pub(super) fn new(
        mut slots: Vec<(u16, u16, Address)>,
        server: impl Fn(&Address) -> Arc<Network>,
    ) -> Self {
        let mut servers: Vec<(Address, Arc<Network>)> = Vec::new();
        slots.sort();
        let ranges = slots.into_iter().map(|(first, last, address)| {
            let known = servers.iter().position(|(known, _)| *known == address);
            let index = known.unwrap_or_else(|| {
                let server = server(&address);
                servers.push((address, server));
                servers.len() - 1
            });
            (first, last, index)
        });
        let ranges = ranges.collect();
        Self { servers, ranges }
    }

    pub(super) fn server_of(&self, slot: Slot) -> Option<&Arc<Network>> {
        let slot = slot.number();
        let behind = self.ranges.partition_point(|(first, _, _)| *first <= slot);
        let (_, last, index) = self.ranges.get(behind.checked_sub(1)?)?;
        (slot <= *last).then(|| &self.servers[*index].1)
    }

    pub(super) fn server_at(&self, address: &Address) -> Option<&Arc<Network>> {
        self.servers.iter().find_map(|(known, server)| (known == address).then_some(server))
    }

    pub(super) fn has(&self, server: &Arc<Network>) -> bool {
        self.servers().any(|known| Arc::ptr_eq(known, server))
    }

    pub(super) fn servers(&self) -> impl Iterator<Item = &Arc<Network>> {
        self.servers.iter().map(|(_, server)| server)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.servers.iter().map(|(address, _)| address)
    }
}

/// The first and last slot of each range, and where its master is, in an answer to CLUSTER SLOTS. A server that does not
/// know its own host is at the one that was `asked`.
pub(super) fn parse_slots(reply: ServerReply, asked: &str) -> Option<Vec<(u16, u16, Address)>> {
    let number = |reply: &ServerReply| u16::try_from(reply.as_u64()?).ok();
    let range = |range: ServerReply| {
        let mut parts = range.into_array().into_iter();
        let (first, last) = (number(&parts.next()?)?, number(&parts.next()?)?);
        let mut master = parts.next()?.into_array().into_iter();
        let host = master.next()?;
        let host = host.as_str().filter(|host| !matches!(*host, "" | "?")).unwrap_or(asked).to_owned();
        Some((first, last, (host, number(&master.next()?)?)))
    };
    reply.into_array().into_iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fred::types::config::Config;

    use super::*;
    use crate::client::Endpoint;
    use crate::client::network::Demands;

    #[test]
    fn each_slot_has_the_server_of_its_range() {
        let address = |host: &str| (host.to_owned(), 6379);
        let server = |_: &Address| {
            let endpoint = Endpoint::server(Config::default(), Duration::from_secs(1));
            let demands = Demands { waitaof: false, cluster: true };
            Arc::new(Network::new(endpoint, demands, Arc::default(), Arc::default()))
        };
        let slots = vec![(9_000, 9_000, address("a")), (0, 99, address("a")), (100, 8_000, address("b"))];
        let map = SlotMap::new(slots, server);
        assert_eq!(map.servers().count(), 2, "one for each address");
        let at = |host: &str| map.server_at(&address(host));
        let of = |slot: u16| {
            // A key of that slot, found by trying.
            let key = (0..u32::MAX).find(|key| Slot::of_key(key.to_string().as_bytes()).number() == slot);
            map.server_of(Slot::of_key(key.expect("a key").to_string().as_bytes()))
        };
        for (slot, host) in [(0, "a"), (99, "a"), (100, "b"), (8_000, "b"), (9_000, "a")] {
            assert!(
                of(slot).is_some_and(|server| at(host).is_some_and(|at| Arc::ptr_eq(server, at))),
                "{slot}"
            );
        }
        for slot in [8_001, 8_999, 9_001, 16_383] {
            assert!(of(slot).is_none(), "{slot}");
        }
    }
}
