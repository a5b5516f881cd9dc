use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use rhai_dispatcher_core::{
    Claim, Claimed, Completion, Consumer, EndedRun, Finished, Inquiry, InstanceId, InstanceReport, Reported,
    RunEvent, RunState, Signal, TransportError,
};

use super::fault::Fault;
use super::peer::Peer;

/// A consumer whose calls go through a fault.
pub(super) struct FaultyConsumer {
    pub(super) peer: Peer,
    pub(super) fault: Arc<dyn Fault>,
}

#[async_trait]
impl Consumer for FaultyConsumer {
    fn instance(&self) -> InstanceId {
        self.peer.consumer.instance()
    }

    fn lease(&self) -> Duration {
        self.peer.consumer.lease()
    }

    async fn claim(&self, max: NonZeroUsize) -> Result<Vec<Claimed>, TransportError> {
        self.fault.claim(&self.peer, max).await
    }

    async fn finish(&self, done: &[Completion]) -> Vec<Result<Finished, TransportError>> {
        self.fault.finish(&self.peer, done).await
    }

    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        self.fault.renew(&self.peer).await
    }

    fn publish(&self, claim: &Claim, event: RunEvent) {
        self.fault.publish(&self.peer, claim, event);
    }

    fn record_activity(&self, runs: Vec<EndedRun>) {
        self.fault.record_activity(&self.peer, runs);
    }

    fn answer(&self, inquiry: &Inquiry, state: Option<RunState>) {
        self.fault.answer(&self.peer, inquiry, state);
    }

    async fn report(&self, report: &InstanceReport) -> Result<Reported, TransportError> {
        self.fault.report(&self.peer, report).await
    }

    fn signals(&self) -> BoxStream<'static, Signal> {
        self.fault.signals(&self.peer)
    }

    async fn detach(&self) -> Result<(), TransportError> {
        self.fault.detach(&self.peer).await
    }
}

impl Drop for FaultyConsumer {
    fn drop(&mut self) {
        self.fault.dropped(&self.peer.consumer);
    }
}
