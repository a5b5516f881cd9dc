use rhai_dispatcher::dispatcher::HandlerStatus;

use super::failure::of_error;
use super::{CallContext, Done, Params};
use crate::rpc::ErrorObject;

/// `handlers.list`: the handlers of the living workers, with figures.
pub(super) async fn list(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    params.none()?;
    let _permit = context.read_permit().await;
    Done::of(&visible(&context).await?)
}

/// The handlers that the caller may see, with the methods that it may see.
pub(super) async fn visible(context: &CallContext) -> Result<Vec<HandlerStatus>, ErrorObject> {
    let mut handlers = context.identity.dispatcher().get_handlers().await.map_err(of_error)?;
    let scope = context.identity.scope();
    handlers.retain_mut(|handler| {
        let had = handler.methods.len();
        handler.methods.retain(|method| scope.sees_method(&method.info.name));
        scope.allows_worker(&handler.worker_id) && (had == 0 || !handler.methods.is_empty())
    });
    Ok(handlers)
}
