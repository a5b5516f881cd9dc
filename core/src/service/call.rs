use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::call_error::{CallError, NotSent};
use super::channel::{Admission, Channel};
use super::remote::{End, Remote};
use super::signature::Signature;
use super::slot::{Answer, Slot};
use crate::Tick;

/// One call of a service; it begins when it is first polled.
///
/// # Cancellation
/// Dropping the future withdraws the request, if no worker has begun it. A worker that has begun it completes it, and
/// its reply is dropped.
#[must_use = "a future does nothing until it is polled"]
pub struct Call<'a, S: Signature> {
    state: State<'a, S>,
    end: End,
    /// Which start of the request it is.
    delivery: u32,
}

enum State<'a, S: Signature> {
    New {
        channel: Cow<'a, Arc<Channel<S>>>,
        request: S::Request,
        admission: Admission,
    },
    Sent {
        channel: Cow<'a, Arc<Channel<S>>>,
        slot: Arc<Slot<S>>,
        expiry: Option<BoxFuture<'static, ()>>,
    },
    /// Over a transport, before its first poll.
    NewRemote {
        remote: Arc<dyn Remote<S>>,
        request: S::Request,
    },
    SentRemote(BoxFuture<'static, Answer<S>>),
    /// It ended when it was sent, before its first poll.
    #[cfg(feature = "tower")]
    Ended(Answer<S>),
    Over,
}

impl<'a, S: Signature> Call<'a, S> {
    pub(super) fn new(
        channel: Cow<'a, Arc<Channel<S>>>,
        request: S::Request,
        admission: Admission,
        timeout: Option<Duration>,
    ) -> Self {
        let end = timeout.map_or(End::Never, End::After);
        Self { state: State::New { channel, request, admission }, end, delivery: 1 }
    }

    pub(super) fn remote(remote: Arc<dyn Remote<S>>, request: S::Request, timeout: Option<Duration>) -> Self {
        let end = timeout.map_or(End::Never, End::After);
        Self { state: State::NewRemote { remote, request }, end, delivery: 1 }
    }

    /// Ends the call after `timeout`, counted from its first poll, in place of the caller's timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.end = End::After(timeout);
        self
    }

    /// Ends the call at `deadline`, by the service's clock, in place of the caller's timeout.
    pub fn deadline(mut self, deadline: Tick) -> Self {
        self.end = End::At(deadline);
        self
    }

    /// Waits for as long as it takes.
    pub fn without_timeout(mut self) -> Self {
        self.end = End::Never;
        self
    }

    /// Tells the worker which start of the request it is.
    pub(super) fn delivery(mut self, delivery: u32) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sends the request now, before the first poll.
    #[cfg(feature = "tower")]
    pub(super) fn begun(mut self) -> Self {
        if let Poll::Ready(answer) = self.send(&Context::from_waker(std::task::Waker::noop())) {
            self.state = State::Ended(answer);
        }
        self
    }

    fn poll_remote(&mut self, cx: &mut Context<'_>) -> Poll<Answer<S>> {
        let mut answer = match mem::replace(&mut self.state, State::Over) {
            State::NewRemote { remote, request } => remote.call(request, self.end),
            State::SentRemote(answer) => answer,
            _ => return Poll::Pending,
        };
        let polled = answer.poll_unpin(cx);
        if polled.is_pending() {
            self.state = State::SentRemote(answer);
        }
        polled
    }

    /// Sends the request, unless the call is over before.
    fn send(&mut self, cx: &Context<'_>) -> Poll<Answer<S>> {
        let State::New { channel, request, admission } = mem::replace(&mut self.state, State::Over) else {
            return Poll::Pending;
        };
        let deadline = match self.end {
            End::Never => None,
            End::After(timeout) => Some(channel.deadline_in(timeout)),
            End::At(deadline) => Some(deadline),
        };
        if deadline.is_some_and(|deadline| channel.clock.now() >= deadline) {
            #[cfg(feature = "tower")]
            if admission == Admission::Reserved {
                channel.release();
            }
            return Poll::Ready(Err(CallError::NotSent(NotSent::DeadlineOver)));
        }
        let slot =
            channel.send(request, Slot::new(cx.waker().clone(), deadline, self.delivery), admission)?;
        let expiry = deadline.map(|deadline| channel.clock.sleep_until(deadline));
        self.state = State::Sent { channel, slot, expiry };
        Poll::Pending
    }
}

impl<S: Signature> Future for Call<'_, S> {
    type Output = Result<S::Response, CallError<S::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let sends = matches!(this.state, State::New { .. });
        if sends && let Poll::Ready(answer) = this.send(cx) {
            return Poll::Ready(answer);
        }
        let State::Sent { channel, slot, expiry } = &mut this.state else {
            if matches!(this.state, State::NewRemote { .. } | State::SentRemote(_)) {
                return this.poll_remote(cx);
            }
            #[cfg(feature = "tower")]
            if let State::Ended(answer) = mem::replace(&mut this.state, State::Over) {
                return Poll::Ready(answer);
            }
            return Poll::Pending;
        };
        // A slot that was made in this poll has its waker.
        let mut answer = if sends { Poll::Pending } else { slot.poll_answer(cx) };
        if answer.is_pending()
            && let Some(expiry) = expiry
            && expiry.poll_unpin(cx).is_ready()
        {
            answer = Poll::Ready(if channel.withdraw(slot) {
                Err(CallError::NotSent(NotSent::DeadlineOver))
            } else {
                slot.give_up().unwrap_or(Err(CallError::TimedOut))
            });
        }
        if answer.is_ready() {
            this.state = State::Over;
        }
        answer
    }
}

/// Nothing is polled in place.
impl<S: Signature> Unpin for Call<'_, S> {}

impl<S: Signature> Drop for Call<'_, S> {
    fn drop(&mut self) {
        if let State::Sent { channel, slot, .. } = &self.state {
            channel.withdraw(slot);
            drop(slot.give_up());
        }
    }
}

impl<S: Signature> fmt::Debug for Call<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("end", &self.end).finish_non_exhaustive()
    }
}
