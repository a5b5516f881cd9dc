use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections each address has.
#[derive(Debug, Default)]
pub(super) struct AddressTable {
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct AddressPermit {
    table: Arc<AddressTable>,
    key: IpAddr,
}

impl AddressTable {
    /// Counts a connection; `None` if the address has `max`.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, max: usize) -> Option<AddressPermit> {
        let key = network_of(address);
        // Nothing panics while it holds the lock.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(AddressPermit { table: Arc::clone(self), key })
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut counts = self.table.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = counts.entry(self.key) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The address itself; of IPv6 its /64, since a client has a whole one. An IPv4 address in IPv6 form is that address.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_network_are_counted_together() {
        let table = Arc::new(AddressTable::default());
        let enter = |address: &str| table.enter(address.parse().expect(address), 2);
        let first = enter("2001:db8::1").expect("room");
        let _second = enter("2001:db8::2").expect("room");
        assert!(enter("2001:db8::3").is_none());
        let _other = enter("2001:db8:0:1::1").expect("another network");
        drop(first);
        let _third = enter("2001:db8::3").expect("room again");
        let _v4 = [enter("10.0.0.1").expect("room"), enter("::ffff:10.0.0.1").expect("room")];
        assert!(enter("10.0.0.1").is_none());
        drop((_second, _third, _other, _v4));
        assert!(
            table.counts.lock().expect("a lock").is_empty(),
            "an address without a connection takes no memory"
        );
    }
}
