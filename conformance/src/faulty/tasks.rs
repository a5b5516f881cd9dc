//! Faults of `Transport::tasks`

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;

use async_trait::async_trait;
use rhai_dispatcher_core::{QueuePart, TaskCursor, TaskId, TaskPage, Transport, WorkerId};

use super::fault::{Fault, PageAnswer, faults};

faults! {
    HidesQuarantinedTasks => tasks::tasks_lists_what_waits_and_runs;
    ListsBackwards => tasks::tasks_are_in_order;
    SkipsWhatMovesUp => tasks::tasks_are_paged;
    ListsPastItsLimit => tasks::tasks_are_paged;
    ListsTheExpired => tasks::tasks_leave_out_the_expired;
}

/// Leaves out quarantined tasks.
#[derive(Debug, Default)]
struct HidesQuarantinedTasks;

#[async_trait]
impl Fault for HidesQuarantinedTasks {
    async fn tasks(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> PageAnswer {
        match from.part() {
            QueuePart::Quarantined => Ok(TaskPage { now: of.clock().wall(), ids: Vec::new(), next: None }),
            _ => of.tasks(worker_id, from, limit).await,
        }
    }
}

/// Lists the newest task of a page first.
#[derive(Debug, Default)]
struct ListsBackwards;

#[async_trait]
impl Fault for ListsBackwards {
    async fn tasks(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> PageAnswer {
        let mut page = of.tasks(worker_id, from, limit).await?;
        page.ids.reverse();
        Ok(page)
    }
}

/// Begins each further page a task too late, as if one that has left had moved up those behind it.
#[derive(Debug, Default)]
struct SkipsWhatMovesUp;

#[async_trait]
impl Fault for SkipsWhatMovesUp {
    async fn tasks(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> PageAnswer {
        let mut page = of.tasks(worker_id, from, limit).await?;
        if from.place().is_some() && !page.ids.is_empty() {
            page.ids.remove(0);
        }
        Ok(page)
    }
}

/// Returns up to twice as many tasks as asked for.
#[derive(Debug, Default)]
struct ListsPastItsLimit;

#[async_trait]
impl Fault for ListsPastItsLimit {
    async fn tasks(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> PageAnswer {
        of.tasks(worker_id, from, limit.saturating_mul(NonZeroUsize::MIN.saturating_add(1))).await
    }
}

/// Lists every task that was listed before.
#[derive(Debug, Default)]
struct ListsTheExpired {
    seen: Mutex<HashMap<QueuePart, Vec<TaskId>>>,
}

#[async_trait]
impl Fault for ListsTheExpired {
    async fn tasks(
        &self,
        of: &dyn Transport,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> PageAnswer {
        let mut page = of.tasks(worker_id, from, limit).await?;
        let mut seen = self.seen.lock().expect("no panic");
        let seen = seen.entry(from.part()).or_default();
        let gone: Vec<_> = seen.iter().filter(|id| !page.ids.contains(id)).copied().collect();
        page.ids.extend(gone);
        seen.clone_from(&page.ids);
        Ok(page)
    }
}
