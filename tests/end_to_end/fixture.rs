//! Where a case plays: a store of its own, with clients and workers at its URL.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rhai_dispatcher::transport::{Consumer, InstanceSpec};
use rhai_dispatcher::worker::RunningWorker;
use rhai_dispatcher::{
    EngineConfig, RhaiDispatcher, RhaiDispatcherBuilder, RhaiTaskDetails, RhaiWorker, RhaiWorkerBuilder,
    TaskId, TaskStatus,
};
use rhai_dispatcher_test_redis::RedisServer;

/// A kind of store.
pub(crate) struct Store {
    pub(crate) name: &'static str,
    pub(crate) open: fn() -> Fixture,
}

pub(crate) static STORES: [Store; 2] = [
    Store { name: "memory", open: || Fixture::at(format!("memory:{}", unique()), None) },
    Store { name: "redis", open: || Fixture::at(server().url(), Some(unique())) },
];

/// The one server of this process; stages have key prefixes of their own.
fn server() -> &'static RedisServer {
    static SERVER: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);
    &SERVER
}

/// One store, by its URL.
pub(crate) struct Fixture {
    url: String,
    prefix: Option<String>,
    /// Keeps the store while neither client nor worker does.
    store: RhaiDispatcher,
}

impl Fixture {
    fn at(url: String, prefix: Option<String>) -> Self {
        let client = client(&url, prefix.as_deref(), "fixture");
        Self { url, prefix, store: client }
    }

    pub(crate) fn client(&self) -> RhaiDispatcher {
        client(&self.url, self.prefix.as_deref(), "caller-1")
    }

    /// A client that waits for a moment only until a worker says where a task is.
    pub(crate) fn impatient_client(&self) -> RhaiDispatcher {
        let client = RhaiDispatcherBuilder::new().caller_id("caller-1").url(&*self.url);
        let client = client.inspect_timeout(Duration::from_millis(50));
        match &self.prefix {
            Some(prefix) => client.prefix(prefix),
            None => client,
        }
        .build()
        .unwrap()
    }

    /// An instance that does only what the case does with it.
    pub(crate) async fn silent_instance(&self, worker_id: &str) -> Arc<dyn Consumer> {
        let spec = InstanceSpec::new(worker_id.try_into().unwrap());
        self.store.transport().attach(spec).await.unwrap()
    }

    pub(crate) async fn worker(&self, worker_id: &str) -> RunningWorker {
        self.worker_with(worker_id, EngineConfig::new()).await
    }

    /// A worker whose scripts have the functions of `engine`.
    pub(crate) async fn worker_with(&self, worker_id: &str, engine: EngineConfig) -> RunningWorker {
        Self::start(self.builder(worker_id, engine)).await
    }

    pub(crate) async fn worker_without_activity(&self, worker_id: &str) -> RunningWorker {
        Self::start(self.builder(worker_id, EngineConfig::new()).activity(false)).await
    }

    fn builder(&self, worker_id: &str, engine: EngineConfig) -> RhaiWorkerBuilder {
        let mut worker = RhaiWorker::builder(worker_id)
            .url(self.url.clone())
            .threads(2)
            .engine(engine)
            .grace(Duration::ZERO);
        if let Some(prefix) = &self.prefix {
            worker = worker.prefix(prefix);
        }
        worker
    }

    async fn start(worker: RhaiWorkerBuilder) -> RunningWorker {
        worker.build().unwrap().start().await.unwrap()
    }
}

fn client(url: &str, prefix: Option<&str>, caller_id: &str) -> RhaiDispatcher {
    let mut client = RhaiDispatcherBuilder::new().caller_id(caller_id).url(url);
    if let Some(prefix) = prefix {
        client = client.prefix(prefix);
    }
    client.build().unwrap()
}

/// Waits until a task runs, and returns its record as it was then.
pub(crate) async fn processing(client: &RhaiDispatcher, id: TaskId) -> RhaiTaskDetails {
    loop {
        let details = client.status(id).await.unwrap();
        if details.status == TaskStatus::Processing {
            return details;
        }
        assert_eq!(details.status, TaskStatus::Pending, "{details:?}");
        // A moment of the transport's clock, whatever the runtime.
        let clock = client.transport().clock();
        clock.sleep_until(clock.now() + Duration::from_millis(1)).await;
    }
}

/// A name that no other fixture of this process has.
fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("fixture-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
