use std::sync::Mutex;
use std::task::{Poll, Waker};

use super::{EventBuffer, EventLimits, RunEvent, RunId};
use crate::lock;

/// The events of one task that one subscriber has not read yet. A subscriber that is slow loses the oldest.
///
/// [`push`](Self::push) may be called under a lock of a transport, and no waker may be called there: it returns the
/// waker of the reader, for the caller to wake once it has released its locks. Only one reader is kept: the one that
/// polled last.
#[derive(Debug)]
pub struct EventQueue(Mutex<Waiting>);

#[derive(Debug)]
struct Waiting {
    events: EventBuffer,
    /// The waker of the reader, while it waits.
    reader: Option<Waker>,
}

impl EventQueue {
    /// An empty one.
    #[must_use]
    pub const fn new(limits: EventLimits) -> Self {
        Self(Mutex::new(Waiting { events: EventBuffer::new(limits), reader: None }))
    }

    /// Adds an event. Returns the waker of a reader that waits.
    #[must_use = "the reader waits until this waker is woken"]
    pub fn push(&self, run: RunId, event: RunEvent) -> Option<Waker> {
        let mut waiting = lock(&self.0);
        waiting.events.push(run, event);
        waiting.reader.take()
    }

    /// The next event. If there is none yet, it keeps a clone of `waker`.
    pub fn poll_pop(&self, waker: &Waker) -> Poll<(RunId, RunEvent)> {
        let mut waiting = lock(&self.0);
        if let Some(event) = waiting.events.pop() {
            return Poll::Ready(event);
        }
        let old = waiting.reader.replace(waker.clone());
        drop(waiting);
        drop(old); // after the lock: dropping a waker may run code of its executor
        Poll::Pending
    }
}
