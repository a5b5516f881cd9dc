//! Where a case plays: a store of its own, with clients and workers at its URL.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rhai_dispatcher::{
    RhaiDispatcher, RhaiDispatcherBuilder, RhaiTaskDetails, RhaiWorker, RunningWorker, TaskId, TaskStatus,
};

/// A kind of store.
pub(crate) struct Store {
    pub(crate) name: &'static str,
    pub(crate) open: fn() -> Stage,
}

pub(crate) static STORES: [Store; 1] =
    [Store { name: "memory", open: || Stage::at(format!("memory:{}", unique())) }];

/// One store, by its URL.
pub(crate) struct Stage {
    url: String,
    /// Keeps the store while neither client nor worker does.
    _client: RhaiDispatcher,
}

impl Stage {
    fn at(url: String) -> Self {
        let client = RhaiDispatcherBuilder::new().caller_id("stage").url(url.clone()).build().unwrap();
        Self { url, _client: client }
    }

    pub(crate) fn client(&self) -> RhaiDispatcher {
        RhaiDispatcherBuilder::new().caller_id("caller-1").url(self.url.clone()).build().unwrap()
    }

    pub(crate) async fn worker(&self, worker_id: &str) -> RunningWorker {
        let worker = RhaiWorker::builder(worker_id).url(self.url.clone()).threads(2).grace(Duration::ZERO);
        worker.build().unwrap().start().await.unwrap()
    }
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

/// A name that no other stage of this process has.
fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("stage-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
