//! Faults of `Transport::details`

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{Task, TaskDetails, TaskId, TaskStatus, Tick, Transport, TransportConfig};

use super::fault::{DetailsAnswer, Fault, SubmitAnswer, faults};

faults! {
    MixesUpRecords => details::details_answers_in_order;
    RemembersDetails => details::details_follows_a_task;
    HidesStarts => claim::claim_starts_the_task;
    KeepsRecords => details::finished_record_expires;
    KeepsAnyNumber => details::oldest_finished_records_go_first;
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

/// Does not count finished records.
#[derive(Debug, Default)]
struct KeepsAnyNumber;

impl Fault for KeepsAnyNumber {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_finished_records(usize::MAX)
    }
}

/// A record expires from the time that it was made.
#[derive(Debug, Default)]
struct ForgetsWaitingTasks {
    ttl: Mutex<Duration>,
    made: Mutex<HashMap<TaskId, Tick>>,
}

#[async_trait]
impl Fault for ForgetsWaitingTasks {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        *self.ttl.lock().expect("no panic") = config.record_ttl;
        config
    }

    async fn details(&self, of: &dyn Transport, ids: &[TaskId]) -> DetailsAnswer {
        let ttl = *self.ttl.lock().expect("no panic");
        let now = of.clock().now();
        let records = of.details(ids).await?;
        let made = self.made.lock().expect("no panic");
        let is_young = |details: &TaskDetails| made.get(&details.task_id).is_none_or(|at| now - *at < ttl);
        Ok(records.into_iter().map(|record| record.filter(is_young)).collect())
    }

    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        let now = to.clock().now();
        self.made.lock().expect("no panic").extend(tasks.iter().map(|task| (task.id, now)));
        to.submit(tasks).await
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
