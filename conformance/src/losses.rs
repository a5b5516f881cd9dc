//! How cases lose tasks with their instances.

use rhai_dispatcher_core::{Requeued, TaskId};

use crate::instance::Instance;
use crate::stage::Stage;

impl Stage<'_> {
    /// Submits a task, and kills the instance that claims it.
    pub(crate) async fn orphan(&self) -> TaskId {
        let doomed = self.attach().await;
        let id = self.submit_any().await;
        assert_eq!(doomed.claim_one().await.claim.task, id);
        self.kill(doomed);
        id
    }

    /// Kills an instance that holds these tasks. Each of them then has `deaths` deaths.
    pub(crate) async fn lose(&self, ids: &[TaskId], deaths: u32) {
        let doomed = self.attach().await;
        self.alive(&[&doomed], doomed.claim_all(ids.len())).await;
        self.kill(doomed);
        for id in ids {
            self.until(&[], async || self.details(*id).await.deaths == deaths).await;
        }
    }

    /// Submits tasks that are quarantined without blame: they were lost twice together with other tasks.
    pub(crate) async fn lost_twice(&self, count: usize) -> Vec<TaskId> {
        let ids = self.submit_some(count).await;
        self.lose(&ids, 1).await;
        self.lose(&ids, 2).await;
        ids
    }

    /// Submits tasks that are quarantined, because a report has named them.
    pub(crate) async fn quarantined(&self, count: usize) -> Vec<TaskId> {
        let doomed = self.attach().await;
        let ids = self.submit_some(count).await;
        doomed.claim_all(count).await;
        assert_eq!(self.report_crash(&doomed, &ids).await, Requeued { released: 0, blamed: count });
        ids
    }
}
