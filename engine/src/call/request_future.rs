use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::FutureExt;

use super::call_end::CallEnd;
use super::call_error::{CallError, PANIC};
use super::request::UnderWay;
use super::runtime::Runtime;
use crate::fiber::Panicked;

/// Drives one request. It is ready with the request's number and how it ended; `None` if it was
/// cancelled.
#[derive(Debug)]
pub(super) struct RequestFuture {
    number: u64,
    under_way: Rc<UnderWay>,
}

impl RequestFuture {
    pub(super) fn new(number: u64, under_way: Rc<UnderWay>) -> Self {
        Self { number, under_way }
    }
}

impl Future for RequestFuture {
    type Output = Option<(u64, CallEnd)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let end = {
            let mut call = self.under_way.call.borrow_mut();
            let Some(running) = &mut *call else { return Poll::Ready(None) };
            match panic::catch_unwind(AssertUnwindSafe(|| running.poll_unpin(cx))) {
                Ok(Poll::Pending) => {
                    let mut waker = self.under_way.waker.borrow_mut();
                    if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                        *waker = Some(cx.waker().clone());
                    }
                    return Poll::Pending;
                }
                Ok(Poll::Ready(end)) => end,
                Err(panic) => {
                    let message = Runtime::explained(Panicked::from(panic).0);
                    CallEnd::Failed(CallError::new(PANIC, format!("it panicked: {message}")).into())
                }
            }
        };
        // Not under the borrow: the destructors of the call's future run in here.
        let call = self.under_way.call.take();
        drop(call);
        Poll::Ready(Some((self.number, end)))
    }
}
