//! The memory transport on a clock that the suite moves.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_conformance::Environment;
use rhai_dispatcher_core::{ManualClock, Transport, TransportConfig};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

#[derive(Default)]
struct MemoryEnvironment {
    clock: ManualClock,
    hub: OnceLock<MemoryTransport>,
}

/// An empty hub.
pub(crate) fn memory() -> Box<dyn Environment> {
    Box::new(MemoryEnvironment::default())
}

#[async_trait(?Send)]
impl Environment for MemoryEnvironment {
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport> {
        let clock = Arc::new(self.clock.clone());
        let config = MemoryConfig::default().with_transport(config).with_clock(clock);
        Arc::new(self.hub.get_or_init(|| MemoryTransport::new(config)).clone())
    }

    fn config(&self) -> TransportConfig {
        TransportConfig::default()
    }

    async fn elapse(&self, by: Duration) {
        self.clock.advance(by);
    }
}
