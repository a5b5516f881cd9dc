use std::task::{Context, Poll};

use futures::future::{self, BoxFuture};
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind};
use tower::Service;

use super::MethodCall;

/// The service within the layers of scripts: passes each call on to the lane that it came from.
#[derive(Debug)]
pub(crate) struct PassOn;

impl Service<MethodCall> for PassOn {
    type Response = Json;
    type Error = TaskError;
    type Future = BoxFuture<'static, Result<Json, TaskError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: MethodCall) -> Self::Future {
        match call.handoff {
            Some(handoff) => handoff.pass(call.params),
            None => {
                let message = "the call does not belong to a script";
                Box::pin(future::ready(Err(TaskError::new(TaskErrorKind::Unsupported, message))))
            }
        }
    }
}
