use std::error::Error;
use std::fmt;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind};
use tower::{BoxError, Service};

use super::MethodCall;

/// The methods of a handler, with the layers added so far, as a service of tower's.
///
/// It is not `Clone`, so that layers with a state that all calls share, such as a rate limit, can be in it.
pub struct MethodService(Box<dyn Inner>);

type Answer = BoxFuture<'static, Result<Json, TaskError>>;

/// A service without its types.
trait Inner: Send {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TaskError>>;
    fn call(&mut self, call: MethodCall) -> Answer;
}

/// A service with any error.
struct Typed<S>(S);

impl MethodService {
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<MethodCall, Response = Json, Error: Into<BoxError>, Future: Send + 'static>
            + Send
            + 'static,
    {
        Self(Box::new(Typed(service)))
    }
}

impl Service<MethodCall> for MethodService {
    type Response = Json;
    type Error = TaskError;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, call: MethodCall) -> Answer {
        self.0.call(call)
    }
}

impl<S> Inner for Typed<S>
where
    S: Service<MethodCall, Response = Json, Error: Into<BoxError>, Future: Send + 'static> + Send,
{
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        self.0.poll_ready(cx).map_err(|error| task_error(error.into()))
    }

    fn call(&mut self, call: MethodCall) -> Answer {
        let running = self.0.call(call);
        Box::pin(async move { running.await.map_err(|error| task_error(error.into())) })
    }
}

/// The error of a call whose layers ended it with `error`: of kind `timeout` if it is one of tower's timeout, of kind `limit`
/// if a layer sheds load, and else of kind `runtime`.
fn task_error(error: BoxError) -> TaskError {
    let error = match error.downcast::<TaskError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    let kind = if error.is::<tower::timeout::error::Elapsed>() {
        TaskErrorKind::Timeout
    } else if error.is::<tower::load_shed::error::Overloaded>() {
        TaskErrorKind::Limit
    } else {
        TaskErrorKind::Runtime
    };
    TaskError::new(kind, in_words(&*error))
}

/// An error with its causes.
fn in_words(error: &(dyn Error + 'static)) -> String {
    /// More are a circle.
    const MAX_CAUSES: usize = 16;
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let texts: Vec<_> = causes.take(MAX_CAUSES).map(ToString::to_string).collect();
    texts.join(": ")
}

impl fmt::Debug for MethodService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodService").finish_non_exhaustive()
    }
}
