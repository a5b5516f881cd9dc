//! Faults of `Transport::report_crash`

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rhai_dispatcher_core::{
    Claim, Consumer, CrashReport, InstanceId, Requeued, TaskId, Transport, TransportError,
};

use super::fault::{DetailsAnswer, Fault, ReportAnswer, faults};
use super::peer::Peer;

faults! {
    HearsNothing => crash::crash_report_releases_the_unnamed;
    ForgetsTheNamed =>
        crash::crash_report_quarantines_the_named,
        quarantine::death_in_observation_starts_over,
        quarantine::blamed_task_waits_behind_others;
    BlamesAllNamed => crash::crash_report_blames_the_quarantined;
    RevivesTheDead => crash::crash_report_ends_the_instance;
    TakesTheBlameBack => crash::late_renewal_keeps_the_blame_of_a_report;
    BelievesStaleReports => crash::stale_crash_report_changes_nothing;
}

/// Ignores reports, so that the lease decides about the tasks.
#[derive(Debug, Default)]
struct HearsNothing;

#[async_trait]
impl Fault for HearsNothing {
    async fn report_crash(&self, _to: &dyn Transport, _report: &CrashReport) -> ReportAnswer {
        Ok(Requeued::default())
    }
}

/// Releases all tasks, also those that the report names.
#[derive(Debug, Default)]
struct ForgetsTheNamed;

#[async_trait]
impl Fault for ForgetsTheNamed {
    async fn report_crash(&self, to: &dyn Transport, report: &CrashReport) -> ReportAnswer {
        to.report_crash(&CrashReport { running: Vec::new(), ..report.clone() }).await
    }
}

/// Counts a death for each task that a report names.
#[derive(Debug, Default)]
struct BlamesAllNamed {
    named: Mutex<HashMap<TaskId, u32>>,
}

#[async_trait]
impl Fault for BlamesAllNamed {
    async fn report_crash(&self, to: &dyn Transport, report: &CrashReport) -> ReportAnswer {
        for task in &report.running {
            *self.named.lock().expect("no panic").entry(*task).or_default() += 1;
        }
        to.report_crash(report).await
    }

    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let mut records = of.details(ids).await?;
        let named = self.named.lock().expect("no panic");
        for details in records.iter_mut().flatten() {
            details.deaths = named.get(&details.task_id).copied().unwrap_or(0);
        }
        Ok(records)
    }
}

/// Renews the lease of an instance after a report of its crash.
#[derive(Default)]
struct RevivesTheDead {
    instances: Mutex<HashMap<InstanceId, Arc<dyn Consumer>>>,
}

impl fmt::Debug for RevivesTheDead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RevivesTheDead")
    }
}

#[async_trait]
impl Fault for RevivesTheDead {
    async fn attached(&self, peer: &Peer) {
        let id = peer.consumer.instance();
        self.instances.lock().expect("no panic").insert(id, Arc::clone(&peer.consumer));
    }

    async fn report_crash(&self, to: &dyn Transport, report: &CrashReport) -> ReportAnswer {
        let requeued = to.report_crash(report).await?;
        let crashed = self.instances.lock().expect("no panic").get(&report.instance).cloned();
        if let Some(crashed) = crashed {
            // The first renewal only reports the lost claims.
            for _ in 0..2 {
                crashed.renew().await?;
            }
        }
        Ok(requeued)
    }
}

/// Takes back the deaths of a report at the next renewal of its instance.
#[derive(Debug, Default)]
struct TakesTheBlameBack {
    blamed: Mutex<HashMap<InstanceId, Vec<TaskId>>>,
    forgiven: Mutex<HashSet<TaskId>>,
}

#[async_trait]
impl Fault for TakesTheBlameBack {
    async fn report_crash(&self, to: &dyn Transport, report: &CrashReport) -> ReportAnswer {
        self.blamed.lock().expect("no panic").insert(report.instance, report.running.clone());
        to.report_crash(report).await
    }

    async fn renew(&self, peer: &Peer) -> Result<Vec<Claim>, TransportError> {
        let blamed = self.blamed.lock().expect("no panic").remove(&peer.consumer.instance());
        self.forgiven.lock().expect("no panic").extend(blamed.into_iter().flatten());
        peer.consumer.renew().await
    }

    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let mut records = of.details(ids).await?;
        let forgiven = self.forgiven.lock().expect("no panic");
        for details in records.iter_mut().flatten().filter(|details| forgiven.contains(&details.task_id)) {
            details.deaths = details.deaths.saturating_sub(1);
        }
        Ok(records)
    }
}

/// Answers that all named tasks of a report were blamed.
#[derive(Debug, Default)]
struct BelievesStaleReports;

#[async_trait]
impl Fault for BelievesStaleReports {
    async fn report_crash(&self, to: &dyn Transport, report: &CrashReport) -> ReportAnswer {
        let requeued = to.report_crash(report).await?;
        Ok(Requeued { blamed: report.running.len(), ..requeued })
    }
}
