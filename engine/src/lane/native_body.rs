use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind};

use crate::call::Runtime;
use crate::fiber::Panicked;

/// A future of Rust code that a task runs: polled and dropped within the runtime of `EngineConfig::with_tokio`, if there is
/// one. Its panic is an error of kind `panic`.
#[must_use = "a future does nothing until it is polled"]
pub struct NativeBody {
    /// `None` once it has ended.
    body: Option<LocalBoxFuture<'static, Result<Json, TaskError>>>,
    runtime: Runtime,
}

impl NativeBody {
    pub(crate) fn new(runtime: &Runtime, body: LocalBoxFuture<'static, Result<Json, TaskError>>) -> Self {
        Self { body: Some(body), runtime: runtime.clone() }
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
        Poll::Ready(ended)
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
