use rhai_dispatcher::task::Output;
use rhai_dispatcher::{Invalid, RhaiDispatcherError, RhaiTaskDetails, TaskError, TaskErrorKind, TaskStatus};
use serde_json::{Value, json};

use crate::rpc::{Code, ErrorObject};

/// The output of a task that has ended, or the error object of what it ended in.
pub(crate) fn output_of(details: RhaiTaskDetails) -> Result<Output, ErrorObject> {
    let id = details.task_id.to_string();
    match (details.status, details.output, details.error, details.cancel_reason) {
        (TaskStatus::Completed, Some(output), ..) => Ok(output),
        (TaskStatus::Error, _, Some(error), _) => Err(of_task_error(error).with("taskId", id)),
        (TaskStatus::Cancelled, _, _, reason) => {
            let reason = reason.map(|reason| reason.as_str());
            Err(ErrorObject::new(Code::Cancelled).with("taskId", id).with("cancelReason", json!(reason)))
        }
        (status, ..) => {
            tracing::error!(task = id, %status, "the record of an ended task has no outcome");
            Err(Code::InternalError.into())
        }
    }
}

/// The error object of an error of the dispatcher.
pub(crate) fn of_error(error: RhaiDispatcherError) -> ErrorObject {
    let reason = error.to_string();
    match error {
        RhaiDispatcherError::Invalid(invalid) => of_invalid(&invalid),
        RhaiDispatcherError::Script(error) => described(ErrorObject::new(Code::InvalidParams), error),
        RhaiDispatcherError::Timeout(timed_out) => {
            ErrorObject::because(Code::Timeout, reason).with("taskId", timed_out.task_id().to_string())
        }
        RhaiDispatcherError::QueueFull { .. } => {
            ErrorObject::because(Code::QueueFull, reason).with("retry", true)
        }
        RhaiDispatcherError::RequestIdConflict(first) => {
            ErrorObject::because(Code::Conflict, reason).with("taskId", first.to_string())
        }
        RhaiDispatcherError::NotRunning { task_id, .. } => {
            ErrorObject::because(Code::InvalidParams, reason).with("taskId", task_id.to_string())
        }
        RhaiDispatcherError::NoAnswer { task_id, .. } => {
            ErrorObject::because(Code::Timeout, reason).with("taskId", task_id.to_string())
        }
        RhaiDispatcherError::NotFound(id) => {
            ErrorObject::because(Code::NotFound, reason).with("taskId", id.to_string())
        }
        RhaiDispatcherError::Lost(id) => {
            ErrorObject::because(Code::Lost, reason).with("taskId", id.to_string())
        }
        // What a transport says may name servers.
        RhaiDispatcherError::Unavailable(error) => {
            tracing::warn!(%error, "the transport is unavailable");
            let reason = "the transport is away, and it is not known whether the task was accepted; try again with a \
                          request_id";
            ErrorObject::because(Code::Unavailable, reason).with("retry", true)
        }
        error => {
            tracing::error!(%error, "a call failed");
            ErrorObject::because(Code::InternalError, "the log of the gateway has the error")
        }
    }
}

fn of_invalid(invalid: &Invalid) -> ErrorObject {
    let Invalid { field, problem, hint, .. } = invalid;
    ErrorObject::because(Code::InvalidParams, format!("{field}: {problem}; {hint}")).with("field", *field)
}

fn of_task_error(error: TaskError) -> ErrorObject {
    let code = match error.kind {
        TaskErrorKind::UnknownMethod => Code::MethodNotFound,
        TaskErrorKind::BadParams => Code::InvalidParams,
        _ => Code::TaskFailed,
    };
    described(ErrorObject::new(code), error)
}

fn described(object: ErrorObject, error: TaskError) -> ErrorObject {
    let mut object = object.with("kind", error.kind.as_str()).with("reason", error.message);
    for (name, number) in [("line", error.line), ("column", error.column)] {
        if let Some(number) = number {
            object = object.with(name, number);
        }
    }
    match error.value.and_then(|value| value.to::<Value>().ok()) {
        Some(value) => object.with("value", value),
        None => object,
    }
}
