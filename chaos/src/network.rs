use std::collections::HashMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rhai_dispatcher_test_redis::{Direction, FaultyProxy, RedisServer};

/// The server and its replica, and the proxies before them: each worker has its own, the other processes share one.
#[derive(Debug)]
pub(crate) struct ProxyNetwork {
    /// The primary, except during a failover.
    pub(crate) server: RedisServer,
    replica: Option<RedisServer>,
    shared: FaultyProxy,
    /// By the process id of the worker.
    own: HashMap<u32, FaultyProxy>,
}

/// How long a replica may take to follow, and a server to save its data.
const PATIENCE: Duration = Duration::from_secs(20);

/// The file in which the server saves its data; a folder in its place keeps it from that.
const SNAPSHOT: &str = "dump.rdb";

impl ProxyNetwork {
    /// A server with that `appendfsync`.
    pub(crate) fn open(fsync: &str) -> Self {
        let server = RedisServer::with(&[
            "--appendonly",
            "yes",
            "--appendfsync",
            fsync,
            // The append-only file is the log of every write: it must not be rewritten. And a replica that was the primary
            // for some seconds must not need a full synchronisation.
            "--auto-aof-rewrite-percentage",
            "0",
            "--repl-backlog-size",
            "256mb",
            "--repl-diskless-sync-delay",
            "0",
            // The server never saves by itself, but one that is told to save and cannot refuses writes.
            "--save",
            "86400 1",
            "--dbfilename",
            SNAPSHOT,
        ]);
        let shared = FaultyProxy::start(server.port());
        Self { server, replica: None, shared, own: HashMap::new() }
    }

    /// The URL for all processes but workers.
    pub(crate) fn url(&self) -> String {
        self.shared.url()
    }

    /// Starts a proxy for a new worker.
    pub(crate) fn open_proxy(&self) -> FaultyProxy {
        FaultyProxy::start(self.server.port())
    }

    /// Keeps the proxy of a worker.
    pub(crate) fn keep_proxy(&mut self, worker: u32, proxy: FaultyProxy) {
        self.own.insert(worker, proxy);
    }

    /// The proxy of a worker.
    pub(crate) fn proxy(&self, worker: u32) -> Option<&FaultyProxy> {
        self.own.get(&worker)
    }

    /// All proxies.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = &FaultyProxy> {
        self.own.values().chain([&self.shared])
    }

    /// Holds back all bytes of that direction.
    pub(crate) fn black_hole(&self, direction: Direction) {
        self.proxies().for_each(|proxy| proxy.black_hole(direction));
    }

    /// Ends black holes and latency.
    pub(crate) fn heal(&self) {
        self.proxies().for_each(FaultyProxy::heal);
    }

    /// Lets the replica follow the server, so that it can take over.
    pub(crate) fn prepare_failover(&mut self) -> io::Result<()> {
        let replica = self.replica.get_or_insert_with(|| {
            RedisServer::with(&["--save", "", "--appendonly", "no", "--repl-backlog-size", "256mb"])
        });
        // It may have lost its connection, or its server, since the last time.
        let _ = replica.command(&["REPLICAOF", "127.0.0.1", &self.server.port().to_string()]);
        until("the replica follows", || replica.command(&["INFO", "replication"]).contains("link_status:up"))
    }

    /// Makes the replica the primary, or the server again. The server hands over all that it has acknowledged.
    pub(crate) fn fail_over(&self, back: bool) -> io::Result<()> {
        let Some(replica) = &self.replica else { return Ok(()) };
        let (from, to) = if back { (replica, &self.server) } else { (&self.server, replica) };
        // The primary learns that later than the replica.
        until("the replica is online", || from.command(&["INFO", "replication"]).contains("state=online"))?;
        let answer = from.command(&["FAILOVER", "TO", "127.0.0.1", &to.port().to_string()]);
        if !answer.starts_with("+OK") {
            return Err(io::Error::other(format!("no failover: {answer}")));
        }
        until("the other server is the primary", || to.command(&["ROLE"]).contains("master"))?;
        self.proxies().for_each(|proxy| proxy.set_target(to.port()));
        until("the first server follows", || {
            from.command(&["INFO", "replication"]).contains("link_status:up")
        })
    }

    /// Lets the server find that it can't save its data, or that it can.
    pub(crate) fn set_disk_full(&self, is_full: bool) -> io::Result<()> {
        let path = self.server.directory().join(SNAPSHOT);
        if is_full {
            let _ = std::fs::remove_file(&path); // there may be none
            std::fs::create_dir_all(path.join("in the way"))?;
        } else {
            std::fs::remove_dir_all(&path)?;
        }
        let status = format!("rdb_last_bgsave_status:{}", if is_full { "err" } else { "ok" });
        until("the server has tried to save its data", || {
            let _ = self.server.command(&["BGSAVE"]); // one may be under way
            self.server.command(&["INFO", "persistence"]).contains(&status)
        })
    }

    /// Fills the server's memory, or lets it have all again.
    pub(crate) fn set_memory_full(&self, is_full: bool) {
        let _ = self.server.command(&["CONFIG", "SET", "maxmemory", if is_full { "1" } else { "0" }]);
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) -> io::Result<()> {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("{what}: it has not happened")));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
