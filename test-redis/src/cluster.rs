use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use crate::{Certificates, RedisServer};

/// How many slots a cluster has.
const SLOTS: u16 = 16_384;

/// A cluster on loopback. Each master has as many slots as the others, and the same number of replicas.
#[derive(Debug)]
pub struct ClusterDeployment {
    /// The masters at the start, and behind them their replicas: that of the first master first.
    pub nodes: Vec<RedisServer>,
    masters: usize,
}

impl ClusterDeployment {
    /// How long the servers may take to agree.
    const PATIENCE: Duration = Duration::from_secs(180);

    /// Starts so many masters, each with so many replicas, and waits until all agree.
    ///
    /// # Panics
    /// If `redis-server` is missing or does not answer, or they do not agree within three minutes.
    #[must_use]
    pub fn start(masters: usize, replicas: usize) -> Self {
        let nodes = (0..masters * (1 + replicas)).map(|_| RedisServer::cluster_node());
        Self::of(nodes.collect(), masters)
    }

    /// Masters that take connections over TLS only, with the certificate of that name.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn with_tls(certificates: &Certificates, name: &str, masters: usize) -> Self {
        let nodes = (0..masters).map(|_| RedisServer::cluster_node_with_tls(certificates, name));
        Self::of(nodes.collect(), masters)
    }

    fn of(nodes: Vec<RedisServer>, masters: usize) -> Self {
        let deployment = Self { nodes, masters };
        let first = deployment.nodes[0].port().to_string();
        for (index, node) in deployment.nodes.iter().enumerate() {
            expect_ok(node, &["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]);
            expect_ok(node, &["CLUSTER", "MEET", "127.0.0.1", &first]);
        }
        for (index, node) in deployment.nodes[..masters].iter().enumerate() {
            let slots: Vec<_> = deployment.slots_at_start(index).map(|slot| slot.to_string()).collect();
            let words: Vec<_> =
                ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
            expect_ok(node, &words);
        }
        let count = format!("cluster_known_nodes:{}", deployment.nodes.len());
        deployment.until_each("each server knows the others", |node| {
            let info = node.command(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains(&count)
        });
        for (index, replica) in deployment.nodes[masters..].iter().enumerate() {
            let master = deployment.id(index % masters);
            expect_ok(replica, &["CLUSTER", "REPLICATE", &master]);
        }
        for index in masters..deployment.nodes.len() {
            deployment.wait_for_replica(index);
        }
        deployment
    }

    /// The URL of all servers.
    #[must_use]
    pub fn url(&self) -> String {
        let addresses = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()));
        let scheme = if self.nodes[0].uses_tls() { "rediss-cluster" } else { "redis-cluster" };
        format!("{scheme}://{}", addresses.collect::<Vec<_>>().join(","))
    }

    /// The index of the master of a slot, as the server of that index sees it.
    ///
    /// # Panics
    /// If that server does not answer, or knows none.
    #[must_use]
    pub fn master_of(&self, slot: u16, asked: usize) -> usize {
        let nodes = self.nodes[asked].command(&["CLUSTER", "NODES"]);
        let has_slot = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
        };
        let line = nodes.lines().find(|line| line.split(' ').skip(8).any(has_slot));
        let address = line.and_then(|line| line.split(' ').nth(1)).expect("a master of the slot");
        let port = address.split(['@', ':']).nth(1).expect("a port");
        let index = self.nodes.iter().position(|node| node.port().to_string() == port);
        index.expect("one of these servers")
    }

    /// The index of the first replica of a master, as it was at the start.
    #[must_use]
    pub const fn replica_of(&self, master: usize) -> usize {
        self.masters + master
    }

    /// Waits until the server of that index has slots, as all servers that run see it.
    ///
    /// # Panics
    /// If it has none within three minutes.
    pub fn wait_for_master(&self, index: usize) {
        let port = format!(":{}@", self.nodes[index].port());
        self.until_each("each server knows the new master", |node| {
            // One that was killed does not answer.
            node.try_command(&["CLUSTER", "NODES"]).map_or(true, |nodes| {
                nodes.lines().any(|line| {
                    line.contains(&port) && line.contains("master") && line.split(' ').nth(8).is_some()
                })
            })
        });
    }

    /// Waits until the server of that index is a replica that has all of its master.
    ///
    /// # Panics
    /// If it is not within three minutes.
    pub fn wait_for_replica(&self, index: usize) {
        Self::until("it is a replica", || {
            let info = self.nodes[index].command(&["INFO", "replication"]);
            info.contains("role:slave") && info.contains("master_link_status:up")
        });
    }

    /// Begins to move a slot from one server to another: its keys are still where they were.
    ///
    /// # Panics
    /// If a server refuses a step.
    pub fn begin_to_move_slot(&self, slot: u16, from: usize, to: usize) {
        let (number, source, target) = (slot.to_string(), self.id(from), self.id(to));
        expect_ok(&self.nodes[to], &["CLUSTER", "SETSLOT", &number, "IMPORTING", &source]);
        expect_ok(&self.nodes[from], &["CLUSTER", "SETSLOT", &number, "MIGRATING", &target]);
    }

    /// Moves a slot with its keys from one server to another, as resharding does.
    ///
    /// # Panics
    /// If a server refuses a step.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_to_move_slot(slot, from, to);
        let (number, target) = (slot.to_string(), self.id(to));
        let port = self.nodes[to].port().to_string();
        loop {
            let keys = self.nodes[from].command(&["CLUSTER", "GETKEYSINSLOT", &number, "10"]);
            // In the answer each key stands behind its length.
            let keys: Vec<_> = keys.split("\r\n").skip(2).step_by(2).collect();
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let answer = self.nodes[from].command(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
                // One that has expired or was deleted meanwhile is not there.
                assert!(answer.starts_with("+OK") || answer.starts_with("+NOKEY"), "{key}: {answer}");
            }
        }
        // The new one first, so that no slot is without a server.
        for index in [to, from] {
            expect_ok(&self.nodes[index], &["CLUSTER", "SETSLOT", &number, "NODE", &target]);
        }
    }

    /// Moves all slots of a server to another one.
    ///
    /// # Panics
    /// If a server refuses a step.
    pub fn move_all_slots(&self, from: usize, to: usize) {
        let target = self.id(to);
        for slot in self.slots_at_start(from) {
            let number = slot.to_string();
            let keys = self.nodes[from].command(&["CLUSTER", "COUNTKEYSINSLOT", &number]);
            if keys.starts_with(":0") {
                for index in [to, from] {
                    expect_ok(&self.nodes[index], &["CLUSTER", "SETSLOT", &number, "NODE", &target]);
                }
            } else {
                self.move_slot(slot, from, to);
            }
        }
    }

    /// Lets the other servers forget one.
    ///
    /// # Panics
    /// If one refuses it.
    pub fn forget(&self, id: &str) {
        for node in &self.nodes {
            if let Ok(answer) = node.try_command(&["CLUSTER", "FORGET", id]) {
                assert!(answer.starts_with("+OK"), "{answer}");
            }
        }
    }

    /// The id of a server.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn id(&self, index: usize) -> String {
        let answer = self.nodes[index].command(&["CLUSTER", "MYID"]);
        answer.split("\r\n").nth(1).expect("an id").to_owned()
    }

    fn slots_at_start(&self, master: usize) -> Range<u16> {
        let bound = |index: usize| (usize::from(SLOTS) * index / self.masters) as u16;
        bound(master)..bound(master + 1)
    }

    fn until_each(&self, what: &str, done: impl Fn(&RedisServer) -> bool) {
        Self::until(what, || self.nodes.iter().all(&done));
    }

    fn until(what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Self::PATIENCE, "{what}: it has not happened");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn expect_ok(server: &RedisServer, words: &[&str]) {
    let answer = server.command(words);
    assert!(answer.starts_with("+OK"), "{:?}: {answer}", &words[..words.len().min(5)]);
}
