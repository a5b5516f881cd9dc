use std::time::Duration;

use rhai_dispatcher::task::Cancelled;
use rhai_dispatcher::{RhaiDispatcherError, RhaiTaskDetails, TaskId};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;

use super::built_in::Parameter;
use super::failure::of_error;
use super::request_params::{task_id, timeout};
use super::{CallContext, Done, Params};
use crate::audit::to_its_end;
use crate::rpc::{Code, ErrorObject};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OneTask {
    #[serde(alias = "taskId")]
    task_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    #[serde(alias = "taskId")]
    task_id: String,
    timeout: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    subscription: u64,
}

/// The parameters of methods that take one task.
pub(super) const OF_TASK: &[Parameter] = &[Parameter::required("task_id", "string", "The id of the task.")];

/// The parameters of `task.wait`.
pub(super) const OF_WAIT: &[Parameter] = &[
    Parameter::required("task_id", "string", "The id of the task."),
    Parameter::optional("timeout", "number", "Seconds to wait. Default: 30."),
];

/// The parameters of `task.unsubscribe`.
pub(super) const OF_UNSUBSCRIBE: &[Parameter] =
    &[Parameter::required("subscription", "integer", "The result of `task.subscribe`.")];

/// `task.status`: the record of a task.
pub(super) async fn status(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let OneTask { task_id: id } = params.read(&["task_id"])?;
    let id = task_id(&id)?;
    let _permit = context.read_permit().await;
    Done::of(&visible(&context, id).await?)
}

/// `task.wait`: the record of a task once it has ended.
pub(super) async fn wait(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let Wait { task_id: id, timeout: asked } = params.read(&["task_id", "timeout"])?;
    let (id, timeout) = (task_id(&id)?, timeout(asked, &context)?);
    let details = {
        // Not while it waits: that may take an hour.
        let _permit = context.read_permit().await;
        visible(&context, id).await?
    };
    if details.status.is_terminal() {
        return Done::of(&details);
    }
    drop(details);
    until_ended(&context, id, timeout).await?;
    let _permit = context.read_permit().await;
    Done::of(&visible(&context, id).await?)
}

/// Waits for the end of a task. Its record is dropped as soon as it arrives, also while the connection waits for its client:
/// otherwise those of all waits that end meanwhile would be held.
async fn until_ended(context: &CallContext, id: TaskId, timeout: Duration) -> Result<(), ErrorObject> {
    let dispatcher = context.identity.dispatcher().clone();
    // Its task ends with it.
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { dispatcher.wait(id, timeout).await.map(drop) });
    match waiting.join_next().await {
        Some(Ok(ended)) => ended.map_err(of_error),
        // Only at the end of the runtime, or if it has panicked.
        _ => Err(Code::InternalError.into()),
    }
}

/// `task.cancel`: cancels a task, and says whether it waited, runs or had ended.
pub(super) async fn cancel(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let OneTask { task_id: id } = params.read(&["task_id"])?;
    let id = task_id(&id)?;
    check_visible(&context, id).await?;
    let cancelled = to_its_end(&context.core.clone(), async move {
        let cancelled = context.identity.dispatcher().cancel(id).await.map_err(of_error)?;
        context.audit("task.cancel", Some(id.to_string().into()), Some(cancelled.to_string().into())).await;
        Ok::<_, ErrorObject>(cancelled)
    })
    .await?;
    if cancelled == Cancelled::NotFound {
        return Err(of_error(RhaiDispatcherError::NotFound(id)));
    }
    Done::of(&json!({ "taskId": id, "cancelled": cancelled }))
}

/// `task.inspect`: where a running task is.
pub(super) async fn inspect(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let OneTask { task_id: id } = params.read(&["task_id"])?;
    let id = task_id(&id)?;
    check_visible(&context, id).await?;
    Done::of(&context.identity.dispatcher().inspect(id).await.map_err(of_error)?)
}

/// `task.subscribe`: the events of a task follow as notifications.
pub(super) async fn subscribe(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let OneTask { task_id: id } = params.read(&["task_id"])?;
    if !context.is_socket {
        return Err(needs_socket());
    }
    let id = task_id(&id)?;
    check_visible(&context, id).await?;
    Ok(Done::Subscribe(id))
}

/// `task.unsubscribe`: ends a subscription.
pub(super) async fn unsubscribe(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let Subscription { subscription } = params.read(&["subscription"])?;
    if !context.is_socket {
        return Err(needs_socket());
    }
    Ok(Done::Unsubscribe(subscription))
}

fn needs_socket() -> ErrorObject {
    let reason = "events are sent over a WebSocket only; connect to /ws, or use task.wait";
    ErrorObject::because(Code::InvalidRequest, reason)
}

/// Checks that the caller may see a task.
async fn check_visible(context: &CallContext, id: TaskId) -> Result<(), ErrorObject> {
    let _permit = context.read_permit().await;
    visible(context, id).await.map(drop)
}

/// The record of a task, if the caller may see it. Otherwise it is not known: the error does not tell that it exists.
async fn visible(context: &CallContext, id: TaskId) -> Result<RhaiTaskDetails, ErrorObject> {
    let details = context.identity.dispatcher().status(id).await.map_err(of_error)?;
    match context.identity.sees(&details) {
        true => Ok(details),
        false => Err(of_error(RhaiDispatcherError::NotFound(id))),
    }
}
