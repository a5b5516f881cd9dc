use super::built_in::BuiltIn;
use super::play::call_by_name;
use super::request_params::forbidden;
use super::table::built_in;
use super::{CallContext, Done, Params};
use crate::rpc::{Code, ErrorObject, Request};

/// Runs a request, and counts it.
pub(crate) async fn run(context: CallContext, request: Request) -> Result<Done, ErrorObject> {
    let core = context.core.clone();
    let method = built_in(&request.method);
    let counted = core.calls.begin(method.map(|(place, _)| place));
    let result = carry_out(context, method.map(|(_, method)| method), request).await;
    counted.end(result.as_ref().err().map(ErrorObject::code));
    result
}

async fn carry_out(
    context: CallContext,
    method: Option<&'static BuiltIn>,
    request: Request,
) -> Result<Done, ErrorObject> {
    if context.core.is_draining() {
        let reason = "the gateway shuts down; connect again";
        return Err(ErrorObject::because(Code::Unavailable, reason).with("retry", true));
    }
    let config = &context.core.config;
    let _permit = context.identity.caller().begin(request.bytes, config)?;
    let params = Params::new(request.params);
    match method {
        Some(method) if context.identity.allows(method.access) => (method.run)(context, params).await,
        Some(method) => Err(forbidden(method.access)),
        None => call_by_name(context, &request.method, params).await,
    }
}
