use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use rhai::Dynamic;
use rhai_dispatcher_core::{Acquire, Clock, Slot, Tick};

use super::call_end::CallEnd;
use super::runtime::Runtime;
use crate::fiber::off_fiber;
use crate::memory::uncharged;
use crate::metrics::{CallMetrics, CallStatus};

/// One call under way: waits for a slot, does what the function does, and is given up in time.
pub(crate) struct CallFuture {
    /// The wait for a slot, until there is one.
    acquire: Option<Acquire>,
    /// The slot, if the function has such.
    slot: Option<Slot>,
    /// `None` once it has ended.
    body: Option<CallBody>,
    /// What the body is polled and dropped within.
    runtime: Runtime,
    clock: Arc<dyn Clock>,
    metrics: Arc<CallMetrics>,
    times: CallTimes,
    /// Whether it is counted among those that wait for a slot.
    waiting: bool,
    /// Only a call that lasts needs a timer.
    timer: Option<BoxFuture<'static, ()>>,
}

/// What a call does: the script's value, or what is thrown.
pub(crate) type CallBody = LocalBoxFuture<'static, Result<Dynamic, Dynamic>>;

/// When a call began, and when it is given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallTimes {
    pub(crate) started: Tick,
    pub(crate) give_up: Tick,
}

impl CallFuture {
    /// `acquire`: the wait for a slot, if the function has slots.
    pub(crate) fn new(
        times: CallTimes,
        acquire: Option<Acquire>,
        body: CallBody,
        runtime: Runtime,
        clock: Arc<dyn Clock>,
        metrics: &Arc<CallMetrics>,
    ) -> Self {
        metrics.started();
        Self {
            acquire,
            slot: None,
            body: Some(body),
            runtime,
            clock,
            metrics: Arc::clone(metrics),
            times,
            waiting: false,
            timer: None,
        }
    }

    fn end(&mut self, status: CallStatus) {
        // The body first: what it holds ends before another call takes its slot.
        if let Some(body) = self.body.take() {
            match self.runtime.is_some() {
                true => off_fiber(|| self.runtime.within(|| drop(body))),
                false => drop(body),
            }
        }
        self.acquire = None;
        self.slot = None;
        self.timer = None;
        self.waits_no_more();
        self.metrics.ended(status, self.clock.now() - self.times.started);
    }

    fn waits_no_more(&mut self) {
        if std::mem::take(&mut self.waiting) {
            self.metrics.waiting(-1.0);
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<CallEnd> {
        if let Some(acquire) = &mut self.acquire {
            let Poll::Ready(slot) = uncharged(|| acquire.poll_unpin(cx)) else {
                if !self.waiting {
                    self.waiting = true;
                    self.metrics.waiting(1.0);
                }
                return Poll::Pending;
            };
            self.slot = Some(slot);
            self.acquire = None;
            self.waits_no_more();
        }
        let Some(body) = &mut self.body else { return Poll::Pending };
        self.runtime.within(|| body.poll_unpin(cx)).map(|result| match result {
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
            // The clock's own books belong to all lanes.
            end = uncharged(|| {
                let timer = this.timer.get_or_insert_with(|| this.clock.sleep_until(this.times.give_up));
                timer.poll_unpin(cx).map(|()| CallEnd::TimedOut)
            });
        }
        if let Poll::Ready(end) = &end {
            this.end(end.status());
        }
        end
    }
}

impl Drop for CallFuture {
    fn drop(&mut self) {
        if self.body.is_some() {
            self.end(CallStatus::Cancelled);
        }
    }
}

impl std::fmt::Debug for CallFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallFuture").field("ended", &self.body.is_none()).finish_non_exhaustive()
    }
}
