use std::time::Duration;

use futures::TryStreamExt;
use rhai_dispatcher::activity::{ActivityCursor, ActivityFilter};
use rhai_dispatcher::dispatcher::TaskFilter;
use rhai_dispatcher::{TaskStatus, WorkerId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::built_in::Parameter;
use super::failure::of_error;
use super::params::invalid;
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
    Parameter::optional("worker_id", "string", "Only tasks of this worker id."),
    Parameter::optional("status", "string", "`pending` or `processing`. Default: both."),
    Parameter::optional("caller_id", "string", "Only tasks of this caller."),
    Parameter::optional(
        "older_than",
        "number",
        "Only tasks that were accepted so many seconds ago, or before.",
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
    #[serde(alias = "workerId")]
    worker_id: Option<String>,
    status: Option<TaskStatus>,
    #[serde(alias = "callerId")]
    caller_id: Option<String>,
    #[serde(alias = "olderThan")]
    older_than: Option<f64>,
    limit: Option<usize>,
}

/// `activity.list`: how tasks have ended, the newest first. A page may have fewer entries than its limit, or none, and a
/// next page all the same: entries that the caller may not see are left out of it.
pub(super) async fn activity(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let Activity { filter, limit, after } = params.read(&["filter", "limit", "after"])?;
    let filter: ActivityFilter =
        filter.parse().map_err(|error| invalid(format!("filter: {error}")).with("field", "filter"))?;
    let after = after.as_deref().map(str::parse::<ActivityCursor>).transpose();
    let after = after.map_err(|error| of_error(error.into()))?;
    let identity = &context.identity;
    let page = identity.dispatcher().activity(filter).limit(checked(limit, &context)?).after(after);
    let mut page = page.await.map_err(of_error)?;
    page.entries.retain(|entry| identity.sees_task_of(&entry.worker_id, &entry.caller_id));
    Done::of(&page)
}

/// `tasks.list`: the tasks that have not ended, those that run first, each with what it waits for.
pub(super) async fn tasks(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let names = ["worker_id", "status", "caller_id", "older_than", "limit"];
    let Tasks { worker_id, status, caller_id, older_than, limit } = params.read(&names)?;
    let (limit, identity) = (checked(limit, &context)?, &context.identity);
    let mut filter = TaskFilter::default();
    if let Some(worker_id) = worker_id {
        filter =
            filter.with_worker_id(WorkerId::try_from(worker_id).map_err(|error| of_error(error.into()))?);
    }
    if let Some(status) = status {
        filter = filter.with_status(status);
    }
    if let Some(seconds) = older_than {
        let age = Duration::try_from_secs_f64(seconds);
        filter = filter
            .with_older_than(age.map_err(|_| invalid("older_than: give a number of seconds from zero on"))?);
    }
    match caller_id {
        Some(caller_id) => filter = filter.with_caller_id(caller_id),
        // Otherwise those of all callers would be read to find its own.
        None if !identity.scope().sees_all_tasks() => {
            filter = filter.with_caller_id(identity.caller_id().clone());
        }
        None => {}
    }
    let mut listed = identity.dispatcher().tasks(filter);
    let mut found: Vec<Value> = Vec::new();
    let read = async {
        while found.len() < limit
            && let Some(task) = listed.try_next().await.map_err(of_error)?
        {
            if identity.sees(&task.details) {
                found.push(json!({ "task": task.details, "progress": task.progress.to_string() }));
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

fn checked(limit: Option<usize>, context: &CallContext) -> Result<usize, ErrorObject> {
    let (limit, max) = (limit.unwrap_or(LIMIT), context.core.config.max_listed);
    match limit {
        0 => Err(invalid("limit: is zero; give at least 1")),
        limit if limit > max => Err(invalid(format!("limit: {limit} is above {max} (max_listed)"))),
        limit => Ok(limit),
    }
}
