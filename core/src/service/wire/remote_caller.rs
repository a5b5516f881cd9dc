use std::sync::Arc;

use futures::FutureExt;
use futures::future::{self, BoxFuture};

use super::METHOD;
use super::envelope::{Envelope, Unreadable};
use super::wire_signature::WireSignature;
use crate::service::call_error::{CallError, NotSent};
use crate::service::caller::Caller;
use crate::service::remote::{End, Remote, Route};
use crate::service::remote_error::{DispatchError, RemoteError};
use crate::service::slot::Answer;
use crate::{
    CancelReason, Dispatcher, Error, PlayRequestBuilder, Progress, TaskDetails, TaskError, TaskErrorKind,
    TaskFailure, WorkerId,
};

/// Sends requests as tasks to a worker id.
struct RemoteCaller {
    dispatcher: Dispatcher,
    worker_id: Arc<str>,
    envelope: Envelope,
}

impl<S: WireSignature> Caller<S> {
    /// A caller of the service that serves `worker_id` on the dispatcher's transport; see [`serve`](Self::serve).
    ///
    /// Its calls are as those within a process, with these differences:
    /// - a request may run more than once, if its worker's process dies ([`Reply::delivery`](crate::Reply::delivery));
    /// - the timeout is the dispatcher's default (30 s) unless it is set, and [`TimedOut`](CallError::TimedOut) does not
    ///   say that the request was begun;
    /// - if no worker serves the worker id at the timeout, the error is [`RemoteError::NotServed`];
    /// - a call that is dropped is not withdrawn; its request ends with its timeout;
    /// - a full queue of the worker id is an error also of `send_request`;
    /// - a request has to fit into the dispatcher's `max_args_bytes`: 768 KiB by default.
    #[must_use]
    pub fn remote(dispatcher: &Dispatcher, worker_id: WorkerId) -> Self {
        let remote = RemoteCaller {
            dispatcher: dispatcher.clone(),
            worker_id: worker_id.into(),
            envelope: Envelope::of::<S>(),
        };
        Self::new(Route::Remote(Arc::new(remote)), Some(dispatcher.config().default_timeout))
    }
}

impl<S: WireSignature> Remote<S> for RemoteCaller {
    fn call(&self, request: S::Request, end: End) -> BoxFuture<'static, Answer<S>> {
        let envelope = self.envelope;
        match self.request::<S>(&request, end) {
            Ok(request) => request.await_response().map(move |end| answer::<S>(end, envelope)).boxed(),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }
}

impl RemoteCaller {
    fn request<S: WireSignature>(
        &self,
        request: &S::Request,
        end: End,
    ) -> Result<PlayRequestBuilder, CallError<S::Error>> {
        let params = self.envelope.encode(request).map_err(|error| {
            incompatible(format!("the request has no form in postcard's format: {error}"))
        })?;
        let call = self.dispatcher.call(METHOD).worker_id(Arc::clone(&self.worker_id)).params(params);
        let time = match end {
            End::Never => return Ok(call.without_timeout()),
            End::After(time) => time,
            End::At(deadline) => deadline - self.dispatcher.transport().clock().now(),
        };
        if time.is_zero() {
            return Err(CallError::NotSent(NotSent::DeadlineOver));
        }
        Ok(call.timeout(time))
    }
}

/// What the end of a request's task means to its caller.
fn answer<S: WireSignature>(end: Result<TaskDetails, Error>, envelope: Envelope) -> Answer<S> {
    let details = match end {
        Ok(details) => details,
        Err(Error::QueueFull { limit, .. }) => {
            return Err(CallError::NotSent(NotSent::BacklogFull { backlog: limit }));
        }
        Err(Error::Timeout(timed_out)) => {
            return Err(match timed_out.progress() {
                Progress::NotServed { worker_id } => {
                    CallError::Remote(RemoteError::NotServed(worker_id.clone()))
                }
                _ => CallError::TimedOut,
            });
        }
        Err(error) => return Err(CallError::Remote(RemoteError::Dispatch(DispatchError::new(error)))),
    };
    if let Some(output) = &details.output {
        return envelope.decode("response", output.as_json()).map_err(unreadable);
    }
    Err(match details.into_result::<()>() {
        Err(TaskFailure::Error(error)) => task_error::<S>(error, envelope),
        Err(TaskFailure::Cancelled(CancelReason::Expired | CancelReason::Withdrawn)) => CallError::TimedOut,
        Err(TaskFailure::Cancelled(reason)) => CallError::Remote(RemoteError::Cancelled(reason)),
        Err(other) => incompatible(other.to_string()),
        Ok(()) => incompatible("the task has no output".to_owned()),
    })
}

fn task_error<S: WireSignature>(error: TaskError, envelope: Envelope) -> CallError<S::Error> {
    match (error.kind, &error.value) {
        (TaskErrorKind::Runtime, Some(value)) => {
            envelope.decode("error", value).map_or_else(unreadable, CallError::Service)
        }
        (TaskErrorKind::Panic | TaskErrorKind::Crashed, _) => CallError::NoReply,
        (TaskErrorKind::UnknownMethod, _) => incompatible(format!(
            "no service answers there, but a worker of scripts ({}); serve the service on that worker id. With the URL \
             memory: each client has a worker of its own: use memory:NAME on both sides",
            error.message
        )),
        (TaskErrorKind::BadParams | TaskErrorKind::Unsupported | TaskErrorKind::Undecodable, _) => {
            incompatible(error.message)
        }
        _ => CallError::Remote(RemoteError::Task(error)),
    }
}

fn unreadable<E>(error: Unreadable) -> CallError<E> {
    incompatible(error.to_string())
}

fn incompatible<E>(message: String) -> CallError<E> {
    CallError::Remote(RemoteError::Incompatible(message))
}
