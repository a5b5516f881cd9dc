use super::play::call_by_name;
use super::request_params::forbidden;
use super::table::built_in;
use super::{CallContext, Done, Params};
use crate::rpc::{Code, ErrorObject, Request};

/// Runs a request.
pub(crate) async fn run(context: CallContext, request: Request) -> Result<Done, ErrorObject> {
    if context.core.is_draining() {
        let reason = "the gateway shuts down; connect again";
        return Err(ErrorObject::because(Code::Unavailable, reason).with("retry", true));
    }
    let config = &context.core.config;
    let _permit = context.identity.caller().begin(request.bytes, config)?;
    let params = Params::new(request.params);
    match built_in(&request.method) {
        Some(method) if context.identity.allows(method.access) => (method.run)(context, params).await,
        Some(method) => Err(forbidden(method.access)),
        None => call_by_name(context, &request.method, params).await,
    }
}
