//! What a list shows of the record of a task.

use std::str::FromStr;
use std::sync::Arc;

use rhai_dispatcher_core::{TaskError, TaskId, TaskSummary, WallTime, WorkerId};

use super::record::parse_claim;
use super::task_end::error_kind;
use crate::client::ServerReply;

/// The fields of the record that it is made of, in the order of their values.
pub(crate) const FIELDS: &str = "status worker_id caller_id created_at updated_at claim script_name method context_id \
    request_id parent priority run_at attempt deaths cancel_reason error error_kind error_line error_column";

/// The summary of the values of [`FIELDS`]; none if they are not those of a record.
pub(crate) fn parse(id: TaskId, values: &[ServerReply]) -> Option<TaskSummary> {
    let mut texts = values.iter().map(ServerReply::as_str);
    let mut next = || texts.next().flatten();
    let (status, worker_id): (_, WorkerId) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let caller_id = shared(next()).unwrap_or_default();
    let created_at = parsed(next()).map_or(WallTime::from_millis(0), WallTime::from_millis);
    let updated_at = parsed(next()).map(WallTime::from_millis);
    let mut summary = TaskSummary::new(id, worker_id, caller_id, status, created_at);
    (summary.instance, summary.delivery, summary.started_at) = parse_claim(next().unwrap_or_default());
    // A start does not write it: it is the last of all times.
    summary.updated_at =
        [updated_at, summary.started_at].into_iter().flatten().fold(created_at, WallTime::max);
    summary.script_name = shared(next());
    summary.method = parsed(next());
    if summary.method.is_some() {
        summary.script_name = None;
    }
    summary.context_id = shared(next());
    summary.request_id = shared(next());
    summary.parent = parsed(next());
    summary.priority = parsed(next()).unwrap_or_default();
    summary.run_at = parsed(next()).map(WallTime::from_millis);
    summary.attempt = parsed(next()).unwrap_or(0);
    summary.deaths = parsed(next()).unwrap_or(0);
    summary.cancel_reason = parsed(next());
    if let Some(message) = next() {
        let kind = error_kind(next().unwrap_or_default());
        summary.error = Some(TaskError::new(kind, message).at(parsed(next()), parsed(next())));
    }
    Some(summary)
}

fn parsed<T: FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

fn shared(text: Option<&str>) -> Option<Arc<str>> {
    text.map(Arc::from)
}
