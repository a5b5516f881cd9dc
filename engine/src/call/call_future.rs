use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use rhai::Dynamic;
use rhai_dispatcher_core::{Clock, Priority, Tick};

use super::{Acquire, AsyncFnConfig, Call, CallBody, Slot};

/// One call under way: waits for a slot, does what the function does, and is given up in time.
pub(crate) struct CallFuture {
    /// The wait for a slot, until there is one.
    acquire: Option<Acquire>,
    /// The slot, if the function has such.
    slot: Option<Slot>,
    /// `None` once it has ended.
    body: Option<CallBody>,
    clock: Arc<dyn Clock>,
    /// When it is given up.
    give_up: Tick,
    /// Only a call that lasts needs a timer.
    timer: Option<BoxFuture<'static, ()>>,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum CallEnd {
    /// With a value.
    Completed(Dynamic),
    /// With what is thrown.
    Failed(Dynamic),
    /// It took too long.
    TimedOut,
}

impl CallFuture {
    /// Gives up at the call's deadline or at `give_up`, whichever comes first.
    pub(super) fn new(
        call: &Call,
        config: &AsyncFnConfig,
        priority: Priority,
        body: CallBody,
        give_up: Tick,
    ) -> Self {
        Self {
            acquire: config.slots.as_ref().map(|slots| slots.acquire(priority)),
            slot: None,
            body: Some(body),
            clock: Arc::clone(call.task().clock()),
            give_up: call.deadline().min(give_up),
            timer: None,
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<CallEnd> {
        if let Some(acquire) = &mut self.acquire {
            let Poll::Ready(slot) = acquire.poll_unpin(cx) else { return Poll::Pending };
            self.slot = Some(slot);
            self.acquire = None;
        }
        let Some(body) = &mut self.body else { return Poll::Pending };
        body.poll_unpin(cx).map(|result| match result {
            Ok(value) => CallEnd::Completed(value),
            Err(error) => CallEnd::Failed(error),
        })
    }
}

impl Future for CallFuture {
    type Output = CallEnd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CallEnd> {
        let this = &mut *self;
        let mut end = this.poll_body(cx);
        if end.is_pending() {
            let timer = this.timer.get_or_insert_with(|| this.clock.sleep_until(this.give_up));
            end = timer.poll_unpin(cx).map(|()| CallEnd::TimedOut);
        }
        if end.is_ready() {
            // The body first: what it holds ends before another call takes its slot.
            this.body = None;
            this.acquire = None;
            this.slot = None;
            this.timer = None;
        }
        end
    }
}

impl Drop for CallFuture {
    fn drop(&mut self) {
        self.body = None; // before the slot
    }
}

impl std::fmt::Debug for CallFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallFuture").field("ended", &self.body.is_none()).finish_non_exhaustive()
    }
}
