//! Faults of `Transport::details`

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{TaskDetails, TaskId, TaskStatus, Transport, TransportConfig, WallTime};

use super::fault::{DetailsAnswer, Fault, faults};

faults! {
    MixesUpRecords => details::details_answers_in_order;
    RemembersDetails => details::details_follows_a_task;
    HidesStarts => claim::claim_starts_the_task;
    KeepsRecords => details::finished_record_expires;
    ForgetsWaitingTasks => details::unfinished_record_stays;
    ForgetsChildren => submit::child_is_listed_in_its_parent;
}

/// Answers for the next id.
#[derive(Debug, Default)]
struct MixesUpRecords;

#[async_trait]
impl Fault for MixesUpRecords {
    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let mut records = of.details(ids).await?;
        records.rotate_left(1);
        Ok(records)
    }
}

/// A record stays as it was when it was first looked at.
#[derive(Debug, Default)]
struct RemembersDetails {
    first: Mutex<HashMap<TaskId, Option<TaskDetails>>>,
}

#[async_trait]
impl Fault for RemembersDetails {
    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let records = of.details(ids).await?;
        let mut first = self.first.lock().expect("no panic");
        Ok(ids.iter().zip(records).map(|(id, record)| first.entry(*id).or_insert(record).clone()).collect())
    }
}

/// A task that runs is said to be pending.
#[derive(Debug, Default)]
struct HidesStarts;

#[async_trait]
impl Fault for HidesStarts {
    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let mut records = of.details(ids).await?;
        for details in records.iter_mut().flatten() {
            if details.status == TaskStatus::Processing {
                details.status = TaskStatus::Pending;
            }
        }
        Ok(records)
    }
}

/// Finished records never expire.
#[derive(Debug, Default)]
struct KeepsRecords;

impl Fault for KeepsRecords {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_record_ttl(Duration::from_secs(365 * 24 * 60 * 60))
    }
}

/// A record expires from the time that it was made.
#[derive(Debug, Default)]
struct ForgetsWaitingTasks {
    ttl: Mutex<Duration>,
}

#[async_trait]
impl Fault for ForgetsWaitingTasks {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        *self.ttl.lock().expect("no panic") = config.record_ttl;
        config
    }

    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let ttl = *self.ttl.lock().expect("no panic");
        let now: WallTime = of.clock().wall();
        let records = of.details(ids).await?;
        Ok(records
            .into_iter()
            .map(|record| record.filter(|details| now - details.created_at < ttl))
            .collect())
    }
}

/// Knows whose child a task is, and not whose parent.
#[derive(Debug, Default)]
struct ForgetsChildren;

#[async_trait]
impl Fault for ForgetsChildren {
    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let mut records = of.details(ids).await?;
        records.iter_mut().flatten().for_each(|details| details.children.clear());
        Ok(records)
    }
}
