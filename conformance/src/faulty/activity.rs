//! Faults of `Consumer::record_activity`, and of `Transport::activity` with what belongs to it

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use rhai_dispatcher_core::{
    ActivityPosition, ActivityRange, ActivityWatch, EndedRun, LoggedActivity, TaskStatus, Transport,
    TransportConfig, TransportError, WorkerId,
};

use super::fault::{Fault, faults};
use super::peer::Peer;

faults! {
    LogsNoRetries => activity::activity_has_each_end;
    LogsWithoutBound => activity::activity_is_bounded;
    ForgetsActivityAtDetach => activity::activity_outlives_its_instance;
    RepeatsAtThePageBorder => activity::activity_pages_newest_first;
    IgnoresTheRange => activity::activity_has_its_range;
    LogsRunsOnly => activity::activity_of_ends_without_a_run;
    ListsServedWorkerIdsOnly => activity::worker_ids_with_activity_are_listed;
    TellsNoWatcher => activity::activity_reaches_a_watcher;
}

/// Logs no try that is repeated.
#[derive(Debug, Default)]
struct LogsNoRetries;

impl Fault for LogsNoRetries {
    fn record_activity(&self, peer: &Peer, mut runs: Vec<EndedRun>) {
        runs.retain(|run| run.status != TaskStatus::Pending);
        peer.consumer.record_activity(runs);
    }
}

/// Keeps any number of entries.
#[derive(Debug, Default)]
struct LogsWithoutBound;

impl Fault for LogsWithoutBound {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_activity(1_000_000)
    }
}

/// Has no activity once an instance has detached.
#[derive(Debug, Default)]
struct ForgetsActivityAtDetach {
    has_detached: AtomicBool,
}

#[async_trait]
impl Fault for ForgetsActivityAtDetach {
    async fn detach(&self, peer: &Peer) -> Result<(), TransportError> {
        self.has_detached.store(true, Ordering::Relaxed);
        peer.consumer.detach().await
    }

    async fn activity(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        let mut read = of.activity(worker_id, range).await?;
        if self.has_detached.load(Ordering::Relaxed) {
            read.entries.clear();
        }
        Ok(read)
    }
}

/// Begins each page with the last entry of the one before.
#[derive(Debug, Default)]
struct RepeatsAtThePageBorder;

#[async_trait]
impl Fault for RepeatsAtThePageBorder {
    async fn activity(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        let before = range.before.map(ActivityPosition::next);
        of.activity(worker_id, range.with_before(before)).await
    }
}

/// Reads entries of all times.
#[derive(Debug, Default)]
struct IgnoresTheRange;

#[async_trait]
impl Fault for IgnoresTheRange {
    async fn activity(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        of.activity(worker_id, range.with_since(None).with_until(None)).await
    }
}

/// Logs nothing but what instances log.
#[derive(Debug, Default)]
struct LogsRunsOnly;

#[async_trait]
impl Fault for LogsRunsOnly {
    async fn activity(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError> {
        let mut read = of.activity(worker_id, range).await?;
        read.entries.retain(|(_, entry)| entry.run_time.is_some());
        Ok(read)
    }
}

/// Lists the worker ids that have an instance.
#[derive(Debug, Default)]
struct ListsServedWorkerIdsOnly;

#[async_trait]
impl Fault for ListsServedWorkerIdsOnly {
    async fn active_worker_ids(&self, of: &dyn Transport) -> Result<Vec<WorkerId>, TransportError> {
        let served = of.instances(None).await?;
        let mut active = of.active_worker_ids().await?;
        active.retain(|id| served.iter().any(|instance| instance.worker_id == *id));
        Ok(active)
    }
}

/// Has watchers that are told nothing.
#[derive(Debug, Default)]
struct TellsNoWatcher;

#[async_trait]
impl Fault for TellsNoWatcher {
    async fn watch_activity(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
    ) -> Result<ActivityWatch, TransportError> {
        Ok(ActivityWatch::new(Arc::default(), of.watch_activity(worker_id).await?))
    }
}
