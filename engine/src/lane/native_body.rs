use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind};

use crate::EngineConfig;
use crate::call::Runtime;
use crate::config::limit_name;
use crate::fiber::Panicked;
use crate::script::raise;

/// A future of Rust code that a task runs: polled and dropped within the runtime of `EngineConfig::with_tokio`, if there is
/// one. Its panic is an error of kind `panic`, and a result longer than `max_output_bytes` is one of kind `limit`.
#[must_use = "a future does nothing until it is polled"]
pub struct NativeBody {
    /// `None` once it has ended.
    body: Option<LocalBoxFuture<'static, Result<Json, TaskError>>>,
    runtime: Runtime,
    max_output_bytes: usize,
}

impl NativeBody {
    /// `config` is that of the task, with its limits.
    pub(crate) fn new(config: &EngineConfig, body: LocalBoxFuture<'static, Result<Json, TaskError>>) -> Self {
        let max_output_bytes = config.limits.max_output_bytes;
        Self { body: Some(body), runtime: config.runtime.clone(), max_output_bytes }
    }

    /// The result, if it is short enough.
    fn check(&self, json: Json) -> Result<Json, TaskError> {
        let max = self.max_output_bytes;
        if json.as_str().len() <= max {
            return Ok(json);
        }
        let raise = raise(limit_name!(max_output_bytes));
        let message = format!("the result has more than {max} bytes of JSON; {raise}");
        Err(TaskError::new(TaskErrorKind::Limit, message))
    }

    fn drop_body(&mut self) {
        if let Some(body) = self.body.take() {
            self.runtime.within(|| drop(body));
        }
    }
}

impl Future for NativeBody {
    type Output = Result<Json, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Pending };
        let polled = this.runtime.within(|| panic::catch_unwind(AssertUnwindSafe(|| body.poll_unpin(cx))));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(ended)) => ended,
            Err(panic) => {
                let Panicked(message) = panic.into();
                let message = format!("the method panicked: {}", Runtime::explained(message));
                Err(TaskError::new(TaskErrorKind::Panic, message))
            }
        };
        this.drop_body();
        Poll::Ready(ended.and_then(|json| this.check(json)))
    }
}

impl Drop for NativeBody {
    fn drop(&mut self) {
        self.drop_body();
    }
}

impl fmt::Debug for NativeBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeBody").field("ended", &self.body.is_none()).finish_non_exhaustive()
    }
}
