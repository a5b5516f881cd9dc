//! The transport does what the model of a queue says, in random histories on a real server. Each history has two worker
//! ids of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use redis::Commands;
use rhai_dispatcher_conformance::{World, check_histories};
use rhai_dispatcher_core::{Clock, InstanceId, SystemClock, Transport, TransportConfig, WorkerId};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;

/// What all histories share.
struct Store {
    server: RedisServer,
    transport: OnceLock<Arc<RedisTransport>>,
    next: AtomicU64,
}

struct RedisWorld {
    store: Arc<Store>,
    worker_ids: [WorkerId; 2],
}

impl RedisWorld {
    fn boxed(store: &Arc<Store>) -> Box<dyn World> {
        let number = store.next.fetch_add(1, Ordering::Relaxed);
        let worker_id = |name: &str| WorkerId::try_from(format!("{name}-{number}")).expect("a worker id");
        Box::new(Self { store: Arc::clone(store), worker_ids: ["main", "other"].map(worker_id) })
    }

    fn client(&self) -> redis::Connection {
        redis::Client::open(self.store.server.url()).expect("a URL").get_connection().expect("a connection")
    }
}

#[async_trait(?Send)]
impl World for RedisWorld {
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport> {
        let open = || {
            let config = RedisConfig::new(self.store.server.unix_url()).with_transport(config);
            Arc::new(RedisTransport::new(config).expect("a valid config"))
        };
        let transport = Arc::clone(self.store.transport.get_or_init(open));
        transport.connect().await.expect("a connection");
        transport
    }

    fn worker_ids(&self) -> [WorkerId; 2] {
        self.worker_ids.clone()
    }

    fn elapse(&self) -> Option<&dyn Fn(Duration)> {
        None
    }

    async fn end_lease(&self, worker_id: &WorkerId, instance: InstanceId) {
        let mut redis = self.client();
        let key = |what: &str| format!("{{rhailib:{worker_id}}}:{what}");
        let transport = self.store.transport.get().expect("it is open");
        // The first read of a queue begins a grace for all its instances.
        transport.queue(worker_id).await.expect("a read");
        let () = redis.hset(key("state"), "grace", 0).expect("no grace");
        let () = redis.zadd(key("alive"), instance.to_string(), 1).expect("the lease has ended");
        transport.queue(worker_id).await.expect("a read, which takes over");
    }

    async fn wait_for_credit(&self, worker_id: &WorkerId, has: bool) {
        let (mut redis, clock) = (self.client(), SystemClock::new());
        let start = clock.now();
        while redis.exists::<_, bool>(format!("{{rhailib:{worker_id}}}:idle")).expect("an answer") != has {
            assert!(clock.now() - start < Duration::from_secs(20), "no credit was written or withdrawn");
            clock.sleep_until(clock.now() + Duration::from_millis(1)).await;
        }
    }

    /// Times are whole milliseconds.
    async fn settle(&self) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn redis_does_what_the_model_says() {
    let server = RedisServer::start();
    let store = Arc::new(Store { server, transport: OnceLock::new(), next: AtomicU64::new(0) });
    check_histories(500, || RedisWorld::boxed(&store));
}
