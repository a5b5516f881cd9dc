use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, future};
use rhai_dispatcher::activity::ActivityFilter;
use rhai_dispatcher::dispatcher::ListedTask;
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

/// How long tasks are read at most to find those that match.
const MAX_READ_TIME: Duration = Duration::from_secs(3);

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
    let rows = found.iter().take(limit);
    Ok((rows.map(|(details, progress)| UnfinishedRow::new(details, progress, now)).collect(), more))
}

/// The tasks that have not ended, match a filter, and that the caller may see, each with what it waits for.
pub(super) fn unfinished(
    visit: &Visit,
    filter: &ActivityFilter,
) -> impl Stream<Item = Result<(Box<RhaiTaskDetails>, Progress), RhaiDispatcherError>> + Send + Unpin + use<>
{
    let identity = visit.identity.clone();
    let sees =
        move |details: &RhaiTaskDetails| identity.as_ref().is_some_and(|identity| identity.sees(details));
    let tasks = visit.dispatcher().tasks(filter.clone()).map_ok(|task| match task {
        ListedTask::Unfinished { details, progress } => Some((details, progress)),
        _ => None,
    });
    // Those that have ended come last.
    let unfinished = tasks.try_take_while(|task| future::ready(Ok(task.is_some())));
    let seen =
        unfinished.try_filter_map(move |task| future::ready(Ok(task.filter(|(details, _)| sees(details)))));
    seen.take_until(tokio::time::sleep(MAX_READ_TIME)).boxed()
}

impl UnfinishedRow {
    fn new(details: &RhaiTaskDetails, progress: &Progress, now: WallTime) -> Self {
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
            since: match progress {
                Progress::Running { since, .. } => since.map(|since| Ago::new(since, now)),
                _ => None,
            },
            progress: Excerpt::line(&progress.to_string(), 160),
        }
    }
}
