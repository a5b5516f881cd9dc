use super::{Network, ServerReply};
use crate::slot::Slot;

/// The host and port of a server.
pub(super) type Address = (String, u16);

/// Which servers of a cluster have which slots.
#[derive(Debug)]
pub(super) struct SlotMap {
    servers: Vec<(Address, Network)>,
    /// The first and last slot of each range, and the index of its server, in order.
    ranges: Vec<(u16, u16, usize)>,
}

impl SlotMap {
    /// `server` makes the server at an address.
    pub(super) fn new(mut slots: Vec<(u16, u16, Address)>, server: impl Fn(&Address) -> Network) -> Self {
        let mut servers: Vec<(Address, Network)> = Vec::new();
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

    pub(super) fn server_of(&self, slot: Slot) -> Option<&Network> {
        let slot = slot.number();
        let behind = self.ranges.partition_point(|(first, _, _)| *first <= slot);
        let (_, last, index) = self.ranges.get(behind.checked_sub(1)?)?;
        (slot <= *last).then(|| &self.servers[*index].1)
    }

    pub(super) fn server_at(&self, address: &Address) -> Option<&Network> {
        self.servers.iter().find_map(|(known, server)| (known == address).then_some(server))
    }

    pub(super) fn has(&self, server: &Network) -> bool {
        self.servers().any(|known| known.is(server))
    }

    pub(super) fn servers(&self) -> impl Iterator<Item = &Network> {
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
