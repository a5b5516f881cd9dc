use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use rhai_dispatcher_core::{
    Claim, Claimed, Completion, Consumer, EndedRun, Finished, Inquiry, InstanceId, InstanceReport,
    InstanceSpec, Reported, RunEvent, RunState, Signal, TransportError,
};

use super::claim_future::ClaimFuture;
use super::membership::Membership;
use crate::hub::Hub;

/// One instance's side of the transport.
pub(crate) struct MemoryConsumer {
    member: Arc<Membership>,
}

impl MemoryConsumer {
    pub(crate) fn attach(hub: Arc<Hub>, spec: &InstanceSpec) -> Self {
        Self { member: Arc::new(Membership::begin(hub, spec)) }
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    fn instance(&self) -> InstanceId {
        self.member.instance.id
    }

    fn lease(&self) -> Duration {
        self.member.hub.config.transport.lease
    }

    async fn claim(&self, max: NonZeroUsize) -> Result<Vec<Claimed>, TransportError> {
        ClaimFuture::new(Arc::clone(&self.member), max).await
    }

    async fn finish(&self, done: &[Completion]) -> Vec<Result<Finished, TransportError>> {
        self.member.finish(done).into_iter().map(Ok).collect()
    }

    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        self.member.renew()
    }

    fn publish(&self, claim: &Claim, event: RunEvent) {
        self.member.publish(claim, event);
    }

    fn record_activity(&self, runs: Vec<EndedRun>) {
        self.member.record_activity(runs);
    }

    fn answer(&self, inquiry: &Inquiry, state: Option<RunState>) {
        self.member.hub.inquiries.answer(inquiry.number, state);
    }

    async fn report(&self, report: &InstanceReport) -> Result<Reported, TransportError> {
        Ok(self.member.report(report))
    }

    fn signals(&self) -> BoxStream<'static, Signal> {
        let instance = Arc::clone(&self.member.instance);
        stream::poll_fn(move |cx| instance.lock().signals.poll_next(cx.waker())).boxed()
    }

    async fn detach(&self) -> Result<(), TransportError> {
        self.member.detach();
        Ok(())
    }
}
