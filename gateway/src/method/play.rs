use rhai_dispatcher::TaskId;
use rhai_dispatcher::task::MethodName;
use serde_json::json;

use super::failure::{of_error, output_of};
use super::request_params::{Audited, OF_CALL, OF_PLAY, Prepared, RequestParams, call_of};
use super::{CallContext, Done, Params};
use crate::audit::to_its_end;
use crate::rpc::{Code, ErrorObject};

/// `play`: runs a script, and answers with its output.
pub(super) async fn play(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let prepared = RequestParams::read(params, OF_PLAY)?.script(&context)?;
    answer(&context, prepared).await
}

/// `play.submit`: submits a script, and answers with the id of its task.
pub(super) async fn play_submit(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    submit(&context, RequestParams::read(params, OF_PLAY)?.script(&context)?).await
}

/// `call`: calls a method with settings of its own.
pub(super) async fn call(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let prepared = RequestParams::read(params, OF_CALL)?.call(&context).await?;
    answer(&context, prepared).await
}

/// `call.submit`: submits a call, and answers with the id of its task.
pub(super) async fn call_submit(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    let prepared = RequestParams::read(params, OF_CALL)?.call(&context).await?;
    submit(&context, prepared).await
}

/// A request whose method is that of a worker.
pub(crate) async fn call_by_name(
    context: CallContext,
    method: &str,
    params: Params,
) -> Result<Done, ErrorObject> {
    if is_reserved(method) {
        return Err(Code::MethodNotFound.into());
    }
    // A name that can't be one is the name of no method.
    let method = MethodName::try_from(method).map_err(|_| Code::MethodNotFound)?;
    let (request, worker_id) = call_of(&context, &method, params.into_value()?, None).await?;
    let config = &context.core.config;
    let timeout = config.call_timeout.min(config.max_call_timeout);
    let audited = Audited::call(&context, &method);
    let prepared = Prepared { request, worker_id, audited, keep: context.keep, timeout };
    answer(&context, prepared).await
}

/// Whether the specification keeps a name for itself and its extensions.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with("rpc.")
}

/// Runs a request and waits for its output. A notification is only submitted.
async fn answer(context: &CallContext, prepared: Prepared) -> Result<Done, ErrorObject> {
    if context.is_notification {
        return submit(context, prepared).await;
    }
    let Prepared { request, worker_id, keep, timeout, audited } = prepared;
    let id = context.core.dispatcher.transport().new_task_id(&worker_id);
    audit(context, id, audited).await;
    let withdrawal = (!keep).then(|| context.core.withdrawals.watch(id));
    let mut request = request.task_id(id).timeout(timeout);
    if keep {
        request = request.keep_on_timeout();
    }
    let details = request.await;
    if let Some(withdrawal) = withdrawal {
        withdrawal.answered();
    }
    let output = output_of(details.map_err(of_error)?)?;
    Ok(Done::Json(output.as_json().clone()))
}

async fn submit(context: &CallContext, prepared: Prepared) -> Result<Done, ErrorObject> {
    let Prepared { request, worker_id, audited, .. } = prepared;
    let id = match audited {
        None => request.submit().await,
        audited => {
            let context = context.clone();
            to_its_end(&context.core.clone(), async move {
                let id = request.submit().await?;
                audit(&context, id, audited).await;
                Ok(id)
            })
            .await
        }
    };
    let id = id.map_err(of_error)?;
    Done::of(&json!({ "taskId": id, "workerId": worker_id }))
}

async fn audit(context: &CallContext, id: TaskId, audited: Option<Audited>) {
    if let Some(Audited { action, detail }) = audited {
        context.audit(action, Some(id.to_string().into()), Some(detail)).await;
    }
}
