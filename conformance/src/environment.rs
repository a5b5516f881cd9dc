use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{Consumer, Transport, TransportConfig};

use crate::waiting::yield_now;

/// Where a case runs: one store, empty at first, and its time. Each case gets a new one.
///
/// Cases never assert that something happens *within* a time, so an environment may be as slow as
/// it likes; they wait for the event, and let time [`elapse`](Self::elapse) meanwhile.
#[async_trait(?Send)]
pub trait Environment {
    /// Opens a handle on the store. A further call gives another handle on the same store, as
    /// another process would have. All calls of one case have the same `config`.
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport>;

    /// The config that cases start from. Cases that need a death wait for its `lease`, and use it
    /// as their measure of a short time; so it is as short as the environment can do reliably:
    /// anything on a manual clock, some hundred milliseconds where time is real.
    fn config(&self) -> TransportConfig;

    /// Lets time pass: advances a manual clock, or really waits.
    async fn elapse(&self, by: Duration);

    /// Lets what has begun get as far as it can by itself, such as a claim to where it waits.
    /// Cases give it a chance with this, and don't rely on it. By default it yields a few times,
    /// which is enough for a transport that answers when polled.
    async fn settle(&self) {
        for _ in 0..4 {
            yield_now().await;
        }
    }

    /// Ends an instance as the death of its process would: it is not heard of again, and has not
    /// detached. By default it is dropped.
    fn kill(&self, consumer: Arc<dyn Consumer>) {
        drop(consumer);
    }

    /// How long a case may take, in real time, until it is taken to hang. Default: 20 s.
    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
}
