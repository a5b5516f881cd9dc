use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::channel::oneshot;
use futures::future::BoxFuture;
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind, lock};

/// The way of a call from the innermost layer, which may be on any thread, to the lane that runs the script, and of the
/// answer back. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Handoff(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What the layers have passed on and the lane has not taken.
    passed: Option<Passed>,
    /// The lane's, while it waits.
    waker: Option<Waker>,
    /// Whether the layers have passed the call on.
    is_passed: bool,
}

/// A call as the layers have passed it on.
pub(crate) struct Passed {
    /// The parameters.
    pub(crate) params: Json,
    /// Where its answer goes.
    pub(crate) answer: oneshot::Sender<Result<Json, TaskError>>,
}

impl Handoff {
    /// Passes a call on.
    pub(super) fn pass(&self, params: Json) -> BoxFuture<'static, Result<Json, TaskError>> {
        let (answer, answered) = oneshot::channel();
        let mut state = lock(&self.0);
        if std::mem::replace(&mut state.is_passed, true) {
            let message = "a layer called the method twice; each call runs its script once";
            return Box::pin(async move { Err(TaskError::new(TaskErrorKind::Unsupported, message)) });
        }
        state.passed = Some(Passed { params, answer });
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Box::pin(async move {
            // The lane answers, or has dropped this future first.
            answered.await.unwrap_or_else(|_| {
                let message = "the call ended before its script did";
                Err(TaskError::new(TaskErrorKind::Runtime, message))
            })
        })
    }

    /// Is ready when the layers have passed the call on; once.
    pub(crate) fn poll_passed(&self, cx: &mut Context<'_>) -> Poll<Passed> {
        let mut state = lock(&self.0);
        match state.passed.take() {
            Some(passed) => Poll::Ready(passed),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl fmt::Debug for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handoff").field("is_passed", &lock(&self.0).is_passed).finish_non_exhaustive()
    }
}
