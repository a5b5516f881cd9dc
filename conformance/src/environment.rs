use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{Consumer, Transport, TransportConfig};

use crate::waiting::yield_now;

/// The environment of a case: one store, empty at first, and its clock. Each case gets a new environment.
///
/// Cases never assert that an event happens *within* a time, so an environment may be slow. They wait for the event,
/// and let time [`elapse`](Self::elapse) meanwhile.
#[async_trait(?Send)]
pub trait Environment {
    /// Opens a handle on the store. A further call opens another handle on the same store, as
    /// another process would. All calls of one case have the same `config`.
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport>;

    /// The config that cases start from. Cases that need the death of an instance wait for its `lease`, and use the
    /// lease as their unit of a short time. So the lease is as short as the environment supports reliably:
    /// any value on a manual clock, some hundred milliseconds on a real one.
    fn config(&self) -> TransportConfig;

    /// Lets time pass: advances a manual clock, or sleeps.
    async fn elapse(&self, by: Duration);

    /// Lets pending operations progress, such as a claim up to its wait.
    /// Cases do not rely on that progress. The default yields a few times,
    /// which is enough for a transport that answers when polled.
    async fn settle(&self) {
        for _ in 0..4 {
            yield_now().await;
        }
    }

    /// Ends an instance as the death of its process would: it makes no further call, and does not
    /// detach. The default drops the consumer.
    fn kill(&self, consumer: Arc<dyn Consumer>) {
        drop(consumer);
    }

    /// The real time after which a case counts as hung. Default: 20 s.
    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
}
