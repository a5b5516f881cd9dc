use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use rhai_dispatcher_core::{
    ActivityRange, ActivityWatch, CancelReason, Cancelled, Claim, Claimed, Completion, Consumer, CrashReport,
    EndedRun, Finished, Inquiry, InspectError, InstanceInfo, InstanceReport, InstanceSpec, LoggedActivity,
    MethodFigures, OutcomeError, QueueInfo, Reported, Requeued, RunEvent, RunState, Signal, SubmitError,
    Submitted, Task, TaskCursor, TaskDetails, TaskEvents, TaskId, TaskPage, TaskSummary, Transport,
    TransportConfig, TransportError, WorkerId,
};

use super::peer::Peer;

/// Replaces calls to a transport or a consumer. All handles and consumers of one
/// store share one fault; by default every method passes its call on unchanged.
#[async_trait]
pub(crate) trait Fault: Debug + Send + Sync {
    /// The config that the store is opened with.
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config
    }

    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        to.submit(tasks).await
    }

    /// The spec that an instance is attached with.
    fn spec(&self, spec: InstanceSpec) -> InstanceSpec {
        spec
    }

    /// An instance has attached.
    async fn attached(&self, _peer: &Peer) {}

    async fn summaries(&self, of: &dyn Transport, ids: &[TaskId]) -> SummariesAnswer {
        of.summaries(ids).await
    }

    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        of.details(ids).await
    }

    fn outcome(&self, of: &Arc<dyn Transport>, id: TaskId) -> OutcomeFuture {
        of.outcome(id)
    }

    fn events(&self, of: &Arc<dyn Transport>, id: TaskId) -> TaskEvents {
        of.events(id)
    }

    fn inspect(&self, of: &Arc<dyn Transport>, id: TaskId) -> InspectFuture {
        of.inspect(id)
    }

    async fn cancel(&self, on: &dyn Transport, ids: &[TaskId], why: CancelReason) -> CancelAnswer {
        on.cancel(ids, why).await
    }

    async fn report_crash(&self, to: &dyn Transport, report: &CrashReport) -> ReportAnswer {
        to.report_crash(report).await
    }

    async fn instances(
        &self,
        of: &dyn Transport,
        worker_id: Option<&WorkerId>,
    ) -> Result<Vec<InstanceInfo>, TransportError> {
        of.instances(worker_id).await
    }

    async fn figures(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
    ) -> Result<Vec<MethodFigures>, TransportError> {
        of.figures(worker_id).await
    }

    async fn activity(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        of.activity(worker_id, range).await
    }

    async fn active_worker_ids(&self, of: &dyn Transport) -> Result<Vec<WorkerId>, TransportError> {
        of.active_worker_ids().await
    }

    async fn watch_activity(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
    ) -> Result<ActivityWatch, TransportError> {
        of.watch_activity(worker_id).await
    }

    async fn queues(&self, of: &dyn Transport) -> Result<Vec<QueueInfo>, TransportError> {
        of.queues().await
    }

    async fn tasks(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> PageAnswer {
        of.tasks(worker_id, from, limit).await
    }

    async fn set_paused(
        &self,
        on: &dyn Transport,
        worker_id: &WorkerId,
        paused: bool,
    ) -> Result<(), TransportError> {
        on.set_paused(worker_id, paused).await
    }

    async fn claim(&self, peer: &Peer, max: NonZeroUsize) -> ClaimAnswer {
        peer.consumer.claim(max).await
    }

    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        peer.consumer.finish(done).await
    }

    async fn renew(&self, peer: &Peer) -> Result<Vec<Claim>, TransportError> {
        peer.consumer.renew().await
    }

    fn publish(&self, peer: &Peer, claim: &Claim, event: RunEvent) {
        peer.consumer.publish(claim, event);
    }

    fn record_activity(&self, peer: &Peer, runs: Vec<EndedRun>) {
        peer.consumer.record_activity(runs);
    }

    fn answer(&self, peer: &Peer, inquiry: &Inquiry, state: Option<RunState>) {
        peer.consumer.answer(inquiry, state);
    }

    async fn report(&self, peer: &Peer, report: &InstanceReport) -> Result<Reported, TransportError> {
        peer.consumer.report(report).await
    }

    fn signals(&self, peer: &Peer) -> BoxStream<'static, Signal> {
        peer.consumer.signals()
    }

    async fn detach(&self, peer: &Peer) -> Result<(), TransportError> {
        peer.consumer.detach().await
    }

    /// The consumer was dropped.
    fn dropped(&self, _consumer: &Arc<dyn Consumer>) {}
}

pub(super) type SubmitAnswer = Result<Vec<Result<Submitted, SubmitError>>, TransportError>;
pub(super) type DetailsAnswer = Result<Vec<Option<TaskDetails>>, TransportError>;
pub(super) type OutcomeFuture = BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>>;
pub(super) type InspectFuture = BoxFuture<'static, Result<RunState, InspectError>>;
pub(super) type CancelAnswer = Result<Vec<Cancelled>, TransportError>;
pub(super) type ReportAnswer = Result<Requeued, TransportError>;
pub(super) type SummariesAnswer = Result<Vec<Option<TaskSummary>>, TransportError>;
pub(super) type PageAnswer = Result<TaskPage, TransportError>;
pub(super) type ClaimAnswer = Result<Vec<Claimed>, TransportError>;
pub(super) type FinishAnswer = Vec<Result<Finished, TransportError>>;

/// Passes on all calls, so that every case passes.
#[derive(Debug)]
pub(crate) struct Faithful;

impl Fault for Faithful {}

/// A fault, and the cases that must fail with it.
#[derive(Debug)]
pub struct FaultCase {
    /// The name of its type.
    pub name: &'static str,
    /// The names of the cases.
    pub caught_by: &'static [&'static str],
    /// Makes a new fault.
    pub(crate) make: fn() -> Arc<dyn Fault>,
}

/// Declares the faults of one file, `Fault => file::case`, and checks that these cases exist.
macro_rules! faults {
    ($($fault:ident => $($file:ident::$case:ident),+;)+) => {
        pub(super) static FAULTS: &[$crate::faulty::FaultCase] = &[
            $($crate::faulty::FaultCase {
                name: stringify!($fault),
                caught_by: &[$(stringify!($case)),+],
                make: || {
                    $(let _ = $crate::cases::$file::$case;)+
                    std::sync::Arc::new($fault::default())
                },
            }),+
        ];
    };
}

pub(super) use faults;
