use futures::TryStreamExt;
use rhai_dispatcher::Invalid;
use rhai_dispatcher::activity::{ActivityCursor, ActivityFilter, FilterError};
use rhai_dispatcher::dispatcher::ListedTask;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::built_in::Parameter;
use super::failure::of_error;
use super::params::invalid_field;
use super::{CallContext, Done, Params};
use crate::rpc::{Code, ErrorObject};

/// Entries of a list, unless it says so.
const LIMIT: usize = 100;

/// The parameters of `activity.list`.
pub(super) const OF_ACTIVITY: &[Parameter] = &[
    Parameter::optional(
        "filter",
        "string",
        "Words such as `status:error worker:billing since:1h`. Default: all.",
    ),
    Parameter::optional("limit", "integer", "The most entries. Default: 100."),
    Parameter::optional("after", "string", "The `next` of the page before."),
];

/// The parameters of `tasks.list`.
pub(super) const OF_TASKS: &[Parameter] = &[
    Parameter::optional(
        "filter",
        "string",
        "Words such as `status:processing worker:billing older:10m`. Default: all.",
    ),
    Parameter::optional("limit", "integer", "The most tasks. Default: 100."),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Activity {
    #[serde(default)]
    filter: String,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tasks {
    #[serde(default)]
    filter: String,
    limit: Option<usize>,
}

/// `activity.list`: how tasks have ended, the newest first. A page may have fewer entries than its limit, or none, and a
/// next page all the same: entries that the caller may not see are left out of it.
pub(super) async fn activity(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let Activity { filter, limit, after } = params.read(&["filter", "limit", "after"])?;
    let filter = parsed(&filter)?;
    let after = after.as_deref().map(str::parse::<ActivityCursor>).transpose();
    let after = after.map_err(|error| of_error(error.into()))?;
    let _permit = context.read_permit().await;
    let identity = &context.identity;
    let page = identity.dispatcher().activity(filter).limit(checked(limit, &context)?).after(after);
    let mut page = page.await.map_err(of_error)?;
    page.entries.retain(|entry| identity.sees_task_of(&entry.worker_id, &entry.caller_id));
    Done::of(&page)
}

/// `tasks.list`: first the tasks that have not ended, those that run in front, each with what it waits for; then those that
/// have ended, the newest in front.
pub(super) async fn tasks(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let Tasks { filter, limit } = params.read(&["filter", "limit"])?;
    let (limit, identity) = (checked(limit, &context)?, &context.identity);
    let mut filter = parsed(&filter)?;
    if !identity.scope().sees_all_tasks() && filter.callers().is_empty() {
        // Otherwise those of all callers would be read to find its own.
        filter = filter.with_caller(identity.caller_id());
    }
    let _permit = context.read_permit().await;
    let mut listed = identity.dispatcher().tasks(filter);
    let mut found: Vec<Value> = Vec::new();
    let read = async {
        while found.len() < limit
            && let Some(task) = listed.try_next().await.map_err(of_error)?
        {
            match task {
                ListedTask::Unfinished { summary, progress }
                    if identity.sees_task_of(&summary.worker_id, &summary.caller_id) =>
                {
                    found.push(json!({ "task": summary, "progress": progress.to_string() }));
                }
                ListedTask::Ended(entry) if identity.sees_task_of(&entry.worker_id, &entry.caller_id) => {
                    found.push(json!({ "ended": entry }));
                }
                _ => {}
            }
        }
        Ok::<_, ErrorObject>(())
    };
    let patience = context.core.config.call_timeout;
    timeout(patience, read).await.map_err(|_| {
        ErrorObject::because(Code::Timeout, "few tasks of many match; name a worker id, or ask for fewer")
    })??;
    Done::of(&found)
}

fn parsed(filter: &str) -> Result<ActivityFilter, ErrorObject> {
    filter.parse().map_err(|error: FilterError| of_error(Invalid::from(error).into()))
}

fn checked(limit: Option<usize>, context: &CallContext) -> Result<usize, ErrorObject> {
    let (limit, max) = (limit.unwrap_or(LIMIT), context.core.config.max_listed);
    match limit {
        0 => Err(invalid_field("limit", "is zero; give at least 1")),
        limit if limit > max => Err(invalid_field("limit", format!("{limit} is above {max} (max_listed)"))),
        limit => Ok(limit),
    }
}
