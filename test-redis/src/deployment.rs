use std::thread;
use std::time::{Duration, Instant};

use crate::RedisServer;

/// A master, its replica, and three Sentinels that watch them.
#[derive(Debug)]
pub struct SentinelDeployment {
    /// The first master, and its replica; after a failover the other way round.
    pub servers: [RedisServer; 2],
    /// The Sentinels.
    pub sentinels: [RedisServer; 3],
}

impl SentinelDeployment {
    /// The name of the master.
    pub const MASTER: &str = "tasks";

    /// How long Sentinels may take for what they do. They begin to wait anew when a busy machine keeps them, or a server, from
    /// answering.
    const PATIENCE: Duration = Duration::from_secs(180);

    /// Starts all, and waits until they know each other.
    ///
    /// # Panics
    /// If `redis-server` is missing or does not answer, or a Sentinel does not find the others within three minutes.
    #[must_use]
    pub fn start() -> Self {
        Self::of([RedisServer::start(), RedisServer::start()], |master| {
            RedisServer::sentinel(Self::MASTER, master, &[])
        })
    }

    /// The same with these servers, and Sentinels that `sentinel` starts for the port of the master.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn of(servers: [RedisServer; 2], sentinel: impl Fn(u16) -> RedisServer) -> Self {
        let master = servers[0].port();
        let _ = servers[1].command(&["REPLICAOF", "127.0.0.1", &master.to_string()]);
        Self::until("the replica follows", || {
            servers[1].command(&["INFO", "replication"]).contains("master_link_status:up")
        });
        let sentinels = [(); 3].map(|()| sentinel(master));
        let deployment = Self { servers, sentinels };
        for sentinel in &deployment.sentinels {
            Self::until("each Sentinel knows the others", || {
                let known = sentinel.command(&["SENTINEL", "MASTER", Self::MASTER]);
                let words: Vec<_> = known.split("\r\n").collect();
                let field = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 2]);
                field("num-slaves") == Some("1") && field("num-other-sentinels") == Some("2")
            });
        }
        deployment
    }

    /// The URL of the master, by the Sentinels.
    #[must_use]
    pub fn url(&self) -> String {
        let addresses = self.sentinels.each_ref().map(|sentinel| format!("127.0.0.1:{}", sentinel.port()));
        let scheme = if self.sentinels[0].uses_tls() { "rediss-sentinel" } else { "redis-sentinel" };
        format!("{scheme}://{}/{}", addresses.join(","), Self::MASTER)
    }

    /// Waits until every Sentinel names that server.
    ///
    /// # Panics
    /// If one does not within three minutes.
    pub fn wait_for_master(&self, server: usize) {
        let port = self.servers[server].port().to_string();
        for sentinel in &self.sentinels {
            Self::until("each Sentinel names the new master", || {
                sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::MASTER]).contains(&port)
            });
        }
    }

    /// Waits until that server is a replica that has all of its master. A Sentinel leaves an old master that has come back
    /// alone for some 20 s.
    ///
    /// # Panics
    /// If it is not within three minutes.
    pub fn wait_for_replica(&self, server: usize) {
        Self::until("it is the replica", || {
            // A Sentinel closes all connections when it makes it one.
            let info = self.servers[server].try_command(&["INFO", "replication"]);
            info.is_ok_and(|info| info.contains("role:slave") && info.contains("master_link_status:up"))
        });
    }

    fn until(what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Self::PATIENCE, "{what}: it has not happened");
            thread::sleep(Duration::from_millis(20));
        }
    }
}
