//! The memory transport does what the model of a queue says, in random histories.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_conformance::{World, check_histories};
use rhai_dispatcher_core::{InstanceId, ManualClock, Transport, TransportConfig, WorkerId};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

/// An empty hub on a clock that the history moves.
struct MemoryWorld {
    clock: ManualClock,
    elapse: Box<dyn Fn(Duration)>,
}

impl MemoryWorld {
    fn boxed() -> Box<dyn World> {
        let clock = ManualClock::new();
        let moved = clock.clone();
        Box::new(Self { clock, elapse: Box::new(move |time| moved.advance(time)) })
    }
}

#[async_trait(?Send)]
impl World for MemoryWorld {
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport> {
        let config = MemoryConfig::default().with_transport(config).with_clock(Arc::new(self.clock.clone()));
        Arc::new(MemoryTransport::new(config))
    }

    fn worker_ids(&self) -> [WorkerId; 2] {
        ["main", "other"].map(|name| WorkerId::try_from(name).expect("a worker id"))
    }

    fn elapse(&self) -> Option<&dyn Fn(Duration)> {
        Some(&*self.elapse)
    }

    async fn end_lease(&self, _: &WorkerId, _: InstanceId) {
        unreachable!("leases run out as time passes");
    }

    async fn wait_for_credit(&self, _: &WorkerId, _: bool) {
        unreachable!("a claim that is dropped leaves nothing");
    }

    /// A claim answers when polled, or waits.
    async fn settle(&self) {}
}

#[test]
fn memory_does_what_the_model_says() {
    check_histories(10_000, MemoryWorld::boxed);
}
