use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{Consumer, Transport, TransportConfig};

use super::Fault;
use super::transport::Faulty;
use crate::Environment;

/// An environment whose transports all have the same fault.
pub(crate) struct FaultyEnvironment {
    inner: Box<dyn Environment>,
    fault: Arc<dyn Fault>,
    patience: Duration,
}

impl FaultyEnvironment {
    /// Has the patience of `inner`.
    pub(crate) fn boxed(inner: Box<dyn Environment>, fault: Arc<dyn Fault>) -> Box<dyn Environment> {
        let patience = inner.patience();
        Box::new(Self { inner, fault, patience })
    }

    /// Has a tenth of the patience of `inner`: here a hang is the expected result, and not a sign of a slow
    /// machine.
    pub(crate) fn boxed_hasty(inner: Box<dyn Environment>, fault: Arc<dyn Fault>) -> Box<dyn Environment> {
        let patience = inner.patience() / 10;
        Box::new(Self { inner, fault, patience })
    }
}

#[async_trait(?Send)]
impl Environment for FaultyEnvironment {
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport> {
        let inner = self.inner.open(self.fault.config(config)).await;
        Arc::new(Faulty::new(inner, Arc::clone(&self.fault)))
    }

    fn config(&self) -> TransportConfig {
        self.inner.config()
    }

    async fn elapse(&self, by: Duration) {
        self.inner.elapse(by).await;
    }

    async fn settle(&self) {
        self.inner.settle().await;
    }

    fn kill(&self, consumer: Arc<dyn Consumer>) {
        self.inner.kill(consumer);
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

impl fmt::Debug for FaultyEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultyEnvironment").field(&self.fault).finish()
    }
}
