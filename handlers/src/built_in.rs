use rhai_dispatcher_core::{
    Dispatcher, Error, HandlerType, Invalid, TaskError, TaskErrorKind, TaskId, WorkerId,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::native::{MethodHandler, NativeHandler};

/// The name of the built-in handler.
pub(crate) const NAME: &str = "handlers";

/// Which handler to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    /// The name of the handler.
    name: String,
    /// The worker id that has it; needed if several have one of this name.
    worker_id: Option<String>,
}

/// Which call to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rpc {
    /// The id of the task that is the call.
    id: String,
}

/// The methods that every worker has: what the client's `get_handlers`, `get_handler` and `get_rpc` answer.
///
/// # Errors
/// Those of [`NativeHandler::new`].
pub(crate) fn built_in(dispatcher: &Dispatcher) -> Result<NativeHandler, Invalid> {
    let [list, get, rpc] = [(); 3].map(|()| dispatcher.clone());
    let handler = MethodHandler::new(NAME)
        .with_description("Which handlers the living workers have, and what was counted of their calls.")
        .with_method("list", move || {
            let dispatcher = list.clone();
            async move { dispatcher.get_handlers().await.map_err(task_error) }
        })
        .with_method_description("list", "All handlers of all worker ids, with figures of each method.")
        .with_method("get", move |of: Named| {
            let dispatcher = get.clone();
            async move {
                let status = match of.worker_id.map(WorkerId::try_from).transpose() {
                    Ok(Some(worker_id)) => dispatcher.get_handler_of(&worker_id, &of.name).await,
                    Ok(None) => dispatcher.get_handler(&of.name).await,
                    Err(invalid) => Err(invalid.into()),
                };
                status.map_err(task_error)
            }
        })
        .with_method_description("get", "One handler.")
        .with_method("rpc", move |of: Rpc| {
            let dispatcher = rpc.clone();
            async move {
                match of.id.parse::<TaskId>() {
                    Ok(id) => dispatcher.get_rpc(id).await.map_err(task_error),
                    Err(invalid) => Err(task_error(invalid.into())),
                }
            }
        })
        .with_method_description("rpc", "The stored request and response of a call.");
    let mut native = NativeHandler::new(&handler)?;
    native.info.typ = HandlerType::BuiltIn;
    Ok(native)
}

/// The error of a call that read something.
fn task_error(error: Error) -> TaskError {
    let kind = match &error {
        Error::Invalid(_) => TaskErrorKind::BadParams,
        _ => TaskErrorKind::Runtime,
    };
    TaskError::new(kind, error.to_string())
}
