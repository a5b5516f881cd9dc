use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use rhai_dispatcher_core::{OutcomeError, TaskDetails};

use crate::hub::Hub;
use crate::record::Record;

/// Waits for a task's end. Registered from the start, until it is ready or dropped.
pub(crate) struct OutcomeFuture {
    hub: Arc<Hub>,
    record: Arc<Record>,
    key: u64,
}

impl OutcomeFuture {
    pub(crate) fn new(hub: Arc<Hub>, record: Arc<Record>) -> Self {
        let mut state = record.lock();
        let key = state.next_waiter;
        state.next_waiter += 1;
        state.waiters.push((key, None));
        drop(state);
        hub.waiters.fetch_add(1, Ordering::Relaxed);
        Self { hub, record, key }
    }
}

impl Future for OutcomeFuture {
    type Output = Result<Box<TaskDetails>, OutcomeError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.record.lock();
        if state.progress.status.is_terminal() {
            return Poll::Ready(Ok(Box::new(state.progress.details(&self.record.task))));
        }
        if let Some((_, waker)) = state.waiters.iter_mut().find(|(key, _)| *key == self.key) {
            let old = waker.replace(cx.waker().clone());
            drop(state);
            drop(old); // after the lock: dropping a waker may run code of its executor
        }
        Poll::Pending
    }
}

impl Drop for OutcomeFuture {
    fn drop(&mut self) {
        self.hub.waiters.fetch_sub(1, Ordering::Relaxed);
        let mut state = self.record.lock();
        let place = state.waiters.iter().position(|(key, _)| *key == self.key);
        let waiter = place.map(|place| state.waiters.swap_remove(place));
        drop(state);
        drop(waiter);
    }
}
