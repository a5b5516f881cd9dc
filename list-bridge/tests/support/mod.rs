//! What the tests of this package share.
//!
//! - `cutting_proxy`: a network that ends at a command ([`CuttingProxy`]).

#![allow(dead_code, reason = "not every test file needs all of it")]

mod cutting_proxy;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::{LocalBoxFuture, poll_fn};
use redis::{Commands, Connection};
use rhai_dispatcher_core::{
    Handler, Json, Outcome, Ran, Run, RunningWorker, TaskError, TaskErrorKind, TaskId, TaskLog, Transport,
    Worker, WorkerConfig, WorkerId,
};
use rhai_dispatcher_list_bridge::{ListBridge, ListBridgeConfig, RunningListBridge};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;
use serde_json::Value;

#[allow(unused_imports, reason = "not every test file needs it")]
pub(crate) use cutting_proxy::{Cut, CuttingProxy};

/// A server, a client of the list protocol and a worker whose scripts are JSON values: it returns them.
pub(crate) struct Site {
    pub(crate) server: RedisServer,
    pub(crate) transport: RedisTransport,
    pub(crate) redis: Connection,
}

impl Site {
    pub(crate) fn new() -> Self {
        let server = RedisServer::start();
        let transport = RedisTransport::new(RedisConfig::new(server.url())).expect("a valid config");
        let redis = redis::Client::open(server.url()).expect("a URL").get_connection().expect("a connection");
        Self { server, transport, redis }
    }

    /// A bridge of `worker-1`.
    pub(crate) fn bridge(&self) -> RunningListBridge {
        self.bridge_with(ListBridgeConfig::new())
    }

    pub(crate) fn bridge_with(&self, config: ListBridgeConfig) -> RunningListBridge {
        bridge(&self.transport, config)
    }

    /// A worker of `worker-1`, and how many scripts it has run.
    pub(crate) fn worker(&self) -> (RunningWorker, Arc<AtomicUsize>) {
        let runs = Arc::new(AtomicUsize::new(0));
        let transport: Arc<dyn Transport> = Arc::new(self.transport.clone());
        let counted = Arc::clone(&runs);
        let config = WorkerConfig::default().with_lanes(NonZeroUsize::MIN);
        let worker = Worker::new(transport, worker_id()).with_config(config);
        let running = block_on(worker.start(move || Values(Arc::clone(&counted)))).expect("a worker");
        (running, runs)
    }

    /// Submits a script as the protocol says: `HSET`, `LPUSH`.
    pub(crate) fn submit(&mut self, id: &str, fields: &[(&str, &str)]) {
        let _: () = self.redis.hset_multiple(format!("rhailib:{id}"), fields).expect("an answer");
        self.push(id);
    }

    pub(crate) fn push(&mut self, id: &str) {
        let _: () = self.redis.lpush("rhailib:worker-1", id).expect("an answer");
    }

    /// `BLPOP` of the reply.
    #[track_caller]
    pub(crate) fn reply(&mut self, id: &str) -> Value {
        let popped: Option<(String, String)> =
            self.redis.blpop(format!("rhailib:reply:{id}"), 30.0).expect("an answer");
        let (_, reply) = popped.unwrap_or_else(|| panic!("{id} has no reply"));
        serde_json::from_str(&reply).expect("JSON")
    }

    /// The bridge serves what comes after.
    #[track_caller]
    pub(crate) fn serves(&mut self) {
        let id = TaskId::new().to_string();
        self.submit(&id, &[("script", "7")]);
        assert_eq!(self.reply(&id)["output"], "7");
    }

    /// How many replies wait for an id.
    pub(crate) fn replies(&mut self, id: &str) -> usize {
        self.redis.llen(format!("rhailib:reply:{id}")).expect("an answer")
    }

    /// A field of the hash of an id.
    pub(crate) fn field(&mut self, id: &str, name: &str) -> Option<String> {
        self.redis.hget(format!("rhailib:{id}"), name).expect("an answer")
    }

    /// All ids that bridges have taken, and not struck off.
    pub(crate) fn held(&mut self) -> Vec<String> {
        let lists: Vec<String> = self.redis.keys("{rhailib:worker-1}:bridge:*").expect("an answer");
        let ids =
            lists.iter().map(|list| self.redis.lrange::<_, Vec<String>>(list, 0, -1).expect("an answer"));
        ids.collect::<Vec<_>>().concat()
    }

    /// How many bridges hold an id.
    pub(crate) fn holders(&mut self, id: &str) -> usize {
        let lists: Vec<String> = self.redis.keys("{rhailib:worker-1}:bridge:*").expect("an answer");
        let mut holds = |list: &String| {
            let ids: Vec<String> = self.redis.lrange(list, 0, -1).expect("an answer");
            ids.iter().any(|held| held == id)
        };
        lists.iter().filter(|list| holds(list)).count()
    }

    /// Waits until no bridge holds an id, and none waits.
    #[track_caller]
    pub(crate) fn settled(&mut self) {
        until("all ids are answered", || {
            // The queue first: an id goes from there to a bridge.
            self.redis.llen::<_, usize>("rhailib:worker-1").expect("an answer") == 0 && self.held().is_empty()
        });
    }
}

pub(crate) fn bridge(transport: &RedisTransport, config: ListBridgeConfig) -> RunningListBridge {
    ListBridge::new(transport, worker_id(), config).expect("a valid config").start()
}

pub(crate) fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").expect("a name")
}

pub(crate) fn runs(counted: &AtomicUsize) -> usize {
    counted.load(Ordering::SeqCst)
}

/// Waits until `done`.
#[track_caller]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}: it has not happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns each script as the JSON value that it is, fails if it is none, and waits for a stop if it is `"wait"`.
struct Values(Arc<AtomicUsize>);

impl Handler for Values {
    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<NonZeroUsize> {
        Poll::Ready(NonZeroUsize::new(1_000).expect("some"))
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let source = run.claimed.task.payload.source().cloned().unwrap_or_default();
            if &*source == "wait" {
                poll_fn(|cx| run.stop.poll_stopped(cx)).await;
                return Ran::Stopped(TaskLog::new());
            }
            let outcome = match Json::parse(source) {
                Ok(value) => Outcome::Completed(value.into()),
                Err(error) => Outcome::Error(TaskError::new(TaskErrorKind::Parse, error.to_string())),
            };
            Ran::Finished(outcome, TaskLog::new())
        })
    }
}
