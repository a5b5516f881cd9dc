use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::received::Received;
use super::signature::Signature;
use super::worker_end::WorkerEnd;

/// The requests that a worker gets, oldest first. Workers of one service share them: each request goes to one.
///
/// A worker that ignores its requests for long delays its callers; when it drops this, other workers get them. When
/// the last worker has dropped it, the calls that wait end in [`WorkerGone`](crate::CallError::WorkerGone).
pub struct Requests<S: Signature> {
    end: WorkerEnd<S>,
    /// The worker's number among those that wait for a request, while it may be one.
    ticket: Option<u64>,
    /// How many requests it got since it last had to wait.
    in_a_row: u32,
}

/// After so many requests in a row the worker yields once to its executor, so that callers on the same thread get
/// their answers.
const YIELD_AFTER: u32 = 128;

impl<S: Signature> Requests<S> {
    pub(super) const fn new(end: WorkerEnd<S>) -> Self {
        Self { end, ticket: None, in_a_row: 0 }
    }

    /// The next request; `None` once the last caller is dropped and every request is taken.
    ///
    /// # Cancellation
    /// Dropping the future loses no request.
    pub async fn next(&mut self) -> Option<Received<S>> {
        Next(self).await
    }

    /// Answers one request after the other, until there are no more. The closure changes `state`, which is returned at
    /// the end.
    ///
    /// The worker's future is `Send` if the closure borrows nothing: what it needs belongs into `state`, or is moved
    /// into the closure.
    pub async fn answer_each<T, F>(mut self, mut state: T, mut answer: F) -> T
    where
        F: AsyncFnMut(&mut T, S::Request) -> Result<S::Response, S::Error>,
    {
        while let Some(Received { request, reply }) = self.next().await {
            reply.send(answer(&mut state, request).await);
        }
        state
    }

    /// Answers up to `limit` requests at the same time, at least 1, until there are no more. A request that waits for
    /// something does not delay others. `state` is shared by them, and returned at the end.
    ///
    /// The worker's future is `Send` if `state` is `Sync`, and the closure borrows nothing.
    pub async fn answer_concurrently<T, F>(mut self, limit: usize, state: T, answer: F) -> T
    where
        F: AsyncFn(&T, S::Request) -> Result<S::Response, S::Error>,
    {
        let (limit, mut open) = (limit.max(1), true);
        let mut running = FuturesUnordered::new();
        loop {
            let received = poll_fn(|cx| {
                while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
                if open && running.len() < limit {
                    return self.poll_next(cx);
                }
                if open || !running.is_empty() { Poll::Pending } else { Poll::Ready(None) }
            });
            match received.await {
                Some(Received { request, reply }) => running.push(async {
                    reply.send(answer(&state, request).await);
                }),
                None if running.is_empty() => break,
                None => open = false,
            }
        }
        drop(running);
        state
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Received<S>>> {
        if self.in_a_row == YIELD_AFTER {
            self.in_a_row = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.in_a_row += 1;
        let next = self.end.channel().poll_next(&mut self.ticket, cx);
        if next.is_pending() {
            self.in_a_row = 0;
        }
        Poll::Ready(ready!(next).map(|entry| Received::new(entry.request, entry.slot)))
    }
}

impl<S: Signature> Drop for Requests<S> {
    fn drop(&mut self) {
        self.end.channel().leave_idle(&mut self.ticket);
    }
}

impl<S: Signature> fmt::Debug for Requests<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Requests").field(self.end.channel()).finish()
    }
}

/// The future of [`Requests::next`].
struct Next<'a, S: Signature>(&'a mut Requests<S>);

impl<S: Signature> Future for Next<'_, S> {
    type Output = Option<Received<S>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_next(cx)
    }
}

impl<S: Signature> Drop for Next<'_, S> {
    /// A worker that does something else is not woken for a request.
    fn drop(&mut self) {
        self.0.end.channel().leave_idle(&mut self.0.ticket);
    }
}
