use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{LocalBoxFuture, poll_fn};
use futures::stream::{FuturesUnordered, StreamExt};

/// A future that is polled only when it has been woken.
///
/// An `await` polls at least once, and that would hide a lost wake-up: the state has changed by
/// then, and the poll would see it. So cases put each waiting future into this type.
pub(crate) struct Waiting<'a, T>(FuturesUnordered<LocalBoxFuture<'a, T>>);

impl<'a, T> Waiting<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self(FuturesUnordered::from_iter([Box::pin(future) as LocalBoxFuture<'a, T>]))
    }
}

impl<T> Future for Waiting<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.0.poll_next_unpin(cx).map(|output| output.expect("a case awaits it once"))
    }
}

impl<T> fmt::Debug for Waiting<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiting")
    }
}

/// Yields once, so that the other futures of this task are polled.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
