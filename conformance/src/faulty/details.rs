//! Faults of `Transport::details`

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{Task, TaskDetails, TaskId, TaskStatus, Tick, Transport, TransportConfig};

use super::fault::{DetailsAnswer, Fault, SubmitAnswer, SummariesAnswer, faults};

faults! {
    MixesUpRecords => details::details_answers_in_order;
    RemembersDetails => details::details_follows_a_task;
    HidesStarts => claim::claim_starts_the_task;
    KeepsRecords => details::finished_record_expires;
    KeepsAnyNumber => details::oldest_finished_records_go_first;
    ForgetsWaitingTasks => details::unfinished_record_stays;
    ForgetsChildren => submit::child_is_listed_in_its_parent;
    SummarizesWithoutErrors => details::summaries_are_those_of_the_records;
}

/// Leaves the error of the last try out of summaries.
#[derive(Debug, Default)]
struct SummarizesWithoutErrors;

#[async_trait]
impl Fault for SummarizesWithoutErrors {
    async fn summaries(&self, of: &dyn Transport, ids: &[TaskId]) -> SummariesAnswer {
        let mut summaries = of.summaries(ids).await?;
        summaries.iter_mut().flatten().for_each(|summary| summary.error = None);
        Ok(summaries)
    }
}

/// Returns the record of the next id for each id.
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

/// Always returns a record as it was at the first call.
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

/// Reports a running task as pending.
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

/// Keeps finished records for a year.
#[derive(Debug, Default)]
struct KeepsRecords;

impl Fault for KeepsRecords {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_record_ttl(Duration::from_secs(365 * 24 * 60 * 60))
    }
}

/// Ignores the limit on finished records.
#[derive(Debug, Default)]
struct KeepsAnyNumber;

impl Fault for KeepsAnyNumber {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_finished_records(usize::MAX)
    }
}

/// Counts the lifetime of a record from its creation instead of its end.
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

/// Leaves out the children in the record of a parent.
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
