use std::collections::HashSet;

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use futures::{StreamExt, stream};
use rhai_dispatcher::activity::{ActivityFilter, ActivityPage};
use rhai_dispatcher::task::Cancelled;
use rhai_dispatcher::{CancelReason, TaskId, TaskStatus};
use serde::Deserialize;

use super::ended::read_entries;
use super::unfinished::find as unfinished;
use crate::audit::to_its_end;
use crate::auth::Access;
use crate::dashboard::frame::{Notice, PageError, Section, Shell, Visit, render};
use crate::dashboard::text::{count, counted};
use crate::http::Form;

/// What is to be done to all tasks that match a filter.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Bulk {
    #[serde(default)]
    q: String,
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// Of those that have not ended.
    Cancel,
    /// Those that have ended, as new tasks.
    Run,
}

/// The question before it: how many tasks that are.
#[derive(Debug, Template)]
#[template(path = "bulk.html")]
struct Question {
    shell: Shell,
    q: String,
    action: Action,
    /// How many match, in words and as a number.
    what: String,
    count: String,
    is_empty: bool,
    /// Whether there may be more than are done at once.
    is_cut: bool,
}

/// As many tasks are cancelled at once, or looked at to find those that match.
const MAX_CANCELS: usize = 10_000;
/// As many tasks are run again at once.
const MAX_RUNS: usize = 1_000;
/// How many are cancelled by one call of the transport.
const CHUNK: usize = 128;
/// How many are submitted side by side.
const SIDE_BY_SIDE: usize = 16;

/// `GET /tasks/bulk`: says how many tasks match.
pub(in crate::dashboard) async fn ask(visit: Visit, Query(bulk): Query<Bulk>) -> Result<Response, PageError> {
    let (ids, is_cut) = find(&visit, &bulk).await?;
    let what = match bulk.action {
        Action::Cancel => counted(ids.len(), "unfinished task"),
        Action::Run => counted(ids.len(), "ended task"),
    };
    render(&Question {
        shell: Shell::new(&visit, Section::Tasks, ""),
        q: bulk.q,
        action: bulk.action,
        what: format!("{what} match{}", if ids.len() == 1 { "es" } else { "" }),
        count: count(ids.len()),
        is_empty: ids.is_empty(),
        is_cut,
    })
}

/// `POST /tasks/bulk`: does it.
pub(in crate::dashboard) async fn carry_out(
    visit: Visit,
    Form(bulk): Form<Bulk>,
) -> Result<Response, PageError> {
    let text = to_its_end(&visit.core.clone(), async move {
        let (ids, _) = find(&visit, &bulk).await?;
        let (action, done) = match bulk.action {
            Action::Cancel => ("task.cancel_all", cancel(&visit, &ids).await),
            Action::Run => ("task.run_all_again", run_again(&visit, &ids).await),
        };
        // Some may have been done before an error.
        let text = done.as_ref().map_or_else(|error| error.problem.clone(), String::clone);
        visit.audit(action, bulk.q, Some(text)).await;
        done
    })
    .await?;
    Notice::new(text).response(StatusCode::OK)
}

/// The tasks that match, and whether there are more.
async fn find(visit: &Visit, bulk: &Bulk) -> Result<(Vec<TaskId>, bool), PageError> {
    let filter: ActivityFilter = bulk
        .q
        .parse()
        .map_err(|error: rhai_dispatcher::activity::FilterError| PageError::bad(error.to_string(), ""))?;
    match bulk.action {
        Action::Cancel => {
            let mut ids = Vec::new();
            let (_, next) = unfinished(visit, &filter, None, MAX_CANCELS, MAX_CANCELS, |task, _| {
                ids.push(task.task_id);
                ids.len()
            })
            .await?;
            Ok((ids, next.is_some()))
        }
        Action::Run => {
            let (entries, next) =
                read_entries(visit, &filter, None, MAX_RUNS, ActivityPage::MAX_READ).await?;
            let mut seen = HashSet::new();
            let scope = visit.scope();
            // A call needs the right to call its method, and a script the right to run scripts.
            let may_run = |entry: &rhai_dispatcher::activity::ActivityEntry| match &entry.method {
                Some(method) => scope.is_some_and(|scope| scope.allows_method(method)),
                None => visit.allows(Access::Scripts),
            };
            let ended = entries.iter().filter(|entry| entry.status != TaskStatus::Pending && may_run(entry));
            Ok((ended.map(|entry| entry.task_id).filter(|id| seen.insert(*id)).collect(), next.is_some()))
        }
    }
}

async fn cancel(visit: &Visit, ids: &[TaskId]) -> Result<String, PageError> {
    let (mut cancelled, mut requested, mut over) = (0_usize, 0_usize, 0_usize);
    for chunk in ids.chunks(CHUNK) {
        for one in visit.dispatcher().transport().cancel(chunk, CancelReason::Asked).await? {
            match one {
                Cancelled::Removed => cancelled += 1,
                Cancelled::Requested => requested += 1,
                _ => over += 1,
            }
        }
    }
    let mut text = format!("{} cancelled", counted(cancelled + requested, "task"));
    if requested > 0 {
        text.push_str(&format!(", of which {} run and end at their next step", count(requested)));
    }
    if over > 0 {
        text.push_str(&format!("; {} had ended before", count(over)));
    }
    Ok(text + ".")
}

async fn run_again(visit: &Visit, ids: &[TaskId]) -> Result<String, PageError> {
    let dispatcher = visit.dispatcher();
    let submitted =
        stream::iter(ids.iter().copied()).map(|id| dispatcher.resubmit(id)).buffer_unordered(SIDE_BY_SIDE);
    let results: Vec<_> = submitted.collect().await;
    let done = results.iter().filter(|result| result.is_ok()).count();
    let mut text = format!("{} run again.", counted(done, "task"));
    if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
        text.push_str(&format!(" {} were not submitted, such as: {error}.", count(results.len() - done)));
    }
    Ok(text)
}
