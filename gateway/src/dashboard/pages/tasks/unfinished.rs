use rhai_dispatcher::activity::ActivityFilter;
use rhai_dispatcher::dispatcher::{ListedTask, TaskListCursor, TaskListPage};
use rhai_dispatcher::task::{Progress, TaskSummary};
use rhai_dispatcher::transport::WallTime;

use crate::dashboard::frame::{PageError, Visit};
use crate::dashboard::text::{Ago, Excerpt, shown};

/// A task that has not ended.
#[derive(Debug)]
pub(super) struct UnfinishedRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) worker_id: String,
    pub(super) caller: String,
    pub(super) context: Option<String>,
    pub(super) accepted: Ago,
    pub(super) delivery: u32,
    /// Since when it runs.
    pub(super) since: Option<Ago>,
    /// What it waits for.
    pub(super) progress: String,
}

/// Some of the tasks that have not ended, match a filter, and that the caller may see.
#[derive(Debug)]
pub(super) struct UnfinishedPage {
    pub(super) rows: Vec<UnfinishedRow>,
    /// At how many tasks it has looked.
    pub(super) looked_at: usize,
    /// From where the next page continues.
    pub(super) next: Option<TaskListCursor>,
}

/// A page of tasks that have not ended: those that run, then those that wait.
pub(super) async fn read_unfinished(
    visit: &Visit,
    filter: &ActivityFilter,
    after: Option<TaskListCursor>,
    limit: usize,
) -> Result<UnfinishedPage, PageError> {
    let now = visit.dispatcher().transport().clock().wall();
    let mut rows = Vec::new();
    let add = |summary: &TaskSummary, progress: &Progress| {
        rows.push(UnfinishedRow::new(summary, progress, now));
        rows.len()
    };
    let (looked_at, next) = find(visit, filter, after, limit, TaskListPage::MAX_READ, add).await?;
    Ok(UnfinishedPage { rows, looked_at, next })
}

/// Passes on the tasks that have not ended, match a filter, and that the caller may see, until `add` says that it has
/// `limit` of them, or at least `max_read` were looked at. At how many that was, and where it continues.
pub(super) async fn find(
    visit: &Visit,
    filter: &ActivityFilter,
    mut after: Option<TaskListCursor>,
    limit: usize,
    max_read: usize,
    mut add: impl FnMut(&TaskSummary, &Progress) -> usize,
) -> Result<(usize, Option<TaskListCursor>), PageError> {
    let Some(identity) = &visit.identity else { return Ok((0, None)) };
    let (filter, mut looked_at, mut found) = (own(visit, filter), 0, 0);
    loop {
        let request = visit.dispatcher().task_list(filter.clone()).without_ended();
        let page = request.limit(limit - found).after(after).await?;
        looked_at += page.looked_at;
        for task in page.tasks {
            if let ListedTask::Unfinished { summary, progress } = task
                && identity.sees_task_of(&summary.worker_id, &summary.caller_id)
            {
                found = add(&summary, &progress);
            }
        }
        after = page.next;
        if after.is_none() || found >= limit || looked_at >= max_read {
            return Ok((looked_at, after));
        }
    }
}

/// The same filter, for tasks of the caller if it may see no others: they would be read in vain.
pub(super) fn own(visit: &Visit, filter: &ActivityFilter) -> ActivityFilter {
    let filter = filter.clone();
    match &visit.identity {
        Some(identity) if !identity.scope().sees_all_tasks() && filter.callers().is_empty() => {
            filter.with_caller(identity.caller_id())
        }
        _ => filter,
    }
}

impl UnfinishedRow {
    fn new(task: &TaskSummary, progress: &Progress, now: WallTime) -> Self {
        let name = task.method.as_ref().map(|method| method.as_str()).or(task.script_name.as_deref());
        Self {
            id: task.task_id.to_string(),
            name: Excerpt::line(name.unwrap_or("script"), 80),
            status: task.status.as_str(),
            worker_id: task.worker_id.to_string(),
            caller: Excerpt::line(&task.caller_id, 40),
            context: task.context_id.as_deref().map(|context| Excerpt::line(&shown(context), 40)),
            accepted: Ago::new(task.created_at, now),
            delivery: task.delivery,
            since: match progress {
                Progress::Running { since, .. } => since.map(|since| Ago::new(since, now)),
                _ => None,
            },
            progress: Excerpt::line(&progress.to_string(), 160),
        }
    }
}
