use futures::{Stream, StreamExt, TryStreamExt};
use rhai_dispatcher::activity::{ActivityEntry, ActivityFilter};
use rhai_dispatcher::dispatcher::{ListedTask, TaskFilter};
use rhai_dispatcher::task::Progress;
use rhai_dispatcher::transport::WallTime;
use rhai_dispatcher::{RhaiDispatcherError, RhaiTaskDetails};

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

/// How many tasks are read at most to find those that match.
const MAX_READ: usize = 20_000;

/// A page of tasks that have not ended and match a filter: those that run, then those that wait. Also whether there are
/// more.
pub(super) async fn read_unfinished(
    visit: &Visit,
    filter: &ActivityFilter,
    skip: usize,
    limit: usize,
) -> Result<(Vec<UnfinishedRow>, bool), PageError> {
    let now = visit.dispatcher().transport().clock().wall();
    let found: Vec<_> = unfinished(visit, filter).skip(skip).take(limit + 1).try_collect().await?;
    let more = found.len() > limit;
    Ok((found.iter().take(limit).map(|task| UnfinishedRow::new(task, now)).collect(), more))
}

/// The tasks that have not ended, match a filter, and that the caller may see.
pub(super) fn unfinished(
    visit: &Visit,
    filter: &ActivityFilter,
) -> impl Stream<Item = Result<ListedTask, RhaiDispatcherError>> + Send + Unpin + use<> {
    let now = visit.dispatcher().transport().clock().wall();
    let mut narrowed = TaskFilter::default();
    for worker_id in filter.worker_ids() {
        narrowed = narrowed.with_worker_id(worker_id.clone());
    }
    let (identity, filter) = (visit.identity.clone(), filter.clone());
    let matches = move |task: &ListedTask| {
        identity.as_ref().is_some_and(|identity| identity.sees(&task.details))
            && filter.matches(&as_entry(&task.details), now)
    };
    let tasks = visit.dispatcher().tasks(narrowed).take(MAX_READ);
    tasks.try_filter(move |task| std::future::ready(matches(task))).boxed()
}

/// A task as an entry of the activity, so that a filter means the same for both: its time is that of its acceptance.
fn as_entry(details: &RhaiTaskDetails) -> ActivityEntry {
    let mut entry = ActivityEntry::new(
        details.task_id,
        details.worker_id.clone(),
        details.caller_id.clone(),
        details.status,
        details.created_at,
    );
    entry.method = details.method.clone();
    entry.script_name = details.script_name.clone();
    entry.context_id = details.context_id.clone();
    entry.parent = details.parent;
    entry.delivery = details.delivery;
    entry.attempt = details.attempt;
    entry.instance = details.instance;
    entry.error = details.error.clone().map(Into::into);
    entry
}

impl UnfinishedRow {
    fn new(task: &ListedTask, now: WallTime) -> Self {
        let details = &task.details;
        let name = details.method.as_ref().map(|method| method.as_str()).or(details.script_name.as_deref());
        Self {
            id: details.task_id.to_string(),
            name: Excerpt::line(name.unwrap_or("script"), 80),
            status: details.status.as_str(),
            worker_id: details.worker_id.to_string(),
            caller: Excerpt::line(&details.caller_id, 40),
            context: details.context_id.as_deref().map(|context| Excerpt::line(&shown(context), 40)),
            accepted: Ago::new(details.created_at, now),
            delivery: details.delivery,
            since: match task.progress {
                Progress::Running { since, .. } => since.map(|since| Ago::new(since, now)),
                _ => None,
            },
            progress: Excerpt::line(&task.progress.to_string(), 160),
        }
    }
}
