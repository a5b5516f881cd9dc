//! Faults of `Consumer::report` and `Transport::figures`

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{
    InstanceId, InstanceInfo, InstanceReport, MethodFigures, Reported, Transport, TransportConfig,
    TransportError, WorkerId,
};

use super::fault::{Fault, faults};
use super::peer::Peer;

faults! {
    ForgetsDescriptions => report::report_describes_the_instance;
    CountsRepetitions => report::report_counts_once;
    ForgetsWithTheInstance => report::figures_outlive_their_instance;
    CountsEveryName => report::figures_are_bounded;
    TakesReportsForActivity => report::figures_have_their_last_activity;
}

/// Forgets the description of an instance at a report without one.
#[derive(Debug, Default)]
struct ForgetsDescriptions {
    forgotten: Mutex<Vec<InstanceId>>,
}

#[async_trait]
impl Fault for ForgetsDescriptions {
    async fn report(&self, peer: &Peer, report: &InstanceReport) -> Result<Reported, TransportError> {
        let instance = peer.consumer.instance();
        {
            let mut forgotten = self.forgotten.lock().expect("no panic");
            forgotten.retain(|other| *other != instance);
            if report.description.is_none() {
                forgotten.push(instance);
            }
        }
        peer.consumer.report(report).await
    }

    async fn instances(
        &self,
        of: &dyn Transport,
        worker_id: Option<&WorkerId>,
    ) -> Result<Vec<InstanceInfo>, TransportError> {
        let mut infos = of.instances(worker_id).await?;
        let forgotten = self.forgotten.lock().expect("no panic");
        for info in infos.iter_mut().filter(|info| forgotten.contains(&info.instance)) {
            info.description = None;
        }
        Ok(infos)
    }
}

/// Counts each report, also one that was sent before.
#[derive(Debug, Default)]
struct CountsRepetitions {
    reports: AtomicU64,
}

#[async_trait]
impl Fault for CountsRepetitions {
    async fn report(&self, peer: &Peer, report: &InstanceReport) -> Result<Reported, TransportError> {
        let mut report = report.clone();
        report.sequence = self.reports.fetch_add(1, Ordering::Relaxed) + 1;
        peer.consumer.report(&report).await
    }
}

/// Has no figures once an instance has detached.
#[derive(Debug, Default)]
struct ForgetsWithTheInstance {
    has_detached: AtomicBool,
}

#[async_trait]
impl Fault for ForgetsWithTheInstance {
    async fn detach(&self, peer: &Peer) -> Result<(), TransportError> {
        self.has_detached.store(true, Ordering::Relaxed);
        peer.consumer.detach().await
    }

    async fn figures(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
    ) -> Result<Vec<MethodFigures>, TransportError> {
        match self.has_detached.load(Ordering::Relaxed) {
            true => Ok(Vec::new()),
            false => of.figures(worker_id).await,
        }
    }
}

/// Has figures for any number of methods.
#[derive(Debug, Default)]
struct CountsEveryName;

impl Fault for CountsEveryName {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_figures(usize::MAX)
    }
}

/// Takes the time of a report for that of the last run.
#[derive(Debug, Default)]
struct TakesReportsForActivity;

#[async_trait]
impl Fault for TakesReportsForActivity {
    async fn report(&self, peer: &Peer, report: &InstanceReport) -> Result<Reported, TransportError> {
        let mut report = report.clone();
        report.added.iter_mut().for_each(|added| added.idle_for = Duration::ZERO);
        peer.consumer.report(&report).await
    }
}
