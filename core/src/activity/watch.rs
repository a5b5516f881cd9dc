use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::Stream;

use super::ActivityEntry;
use crate::lock;

/// What a watcher of the activity is told.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ActivityNews {
    /// A new entry.
    Entry(Box<ActivityEntry>),
    /// The watcher was slow: so many entries before the next one are left out. The log may still have them.
    Lost(u64),
}

/// The new entries of one worker id, as they are logged. It does not end by itself; dropping it ends the watch.
///
/// # Cancellation
/// No entry is lost between two polls.
pub struct ActivityWatch {
    queue: Arc<ActivityQueue>,
    _subscription: Box<dyn Any + Send + Sync>,
}

impl ActivityWatch {
    /// What comes into `queue`; `subscription` is dropped with it.
    pub fn new(queue: Arc<ActivityQueue>, subscription: impl Any + Send + Sync) -> Self {
        Self { queue, _subscription: Box::new(subscription) }
    }
}

impl Stream for ActivityWatch {
    type Item = ActivityNews;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ActivityNews>> {
        self.queue.poll_pop(cx.waker()).map(Some)
    }
}

impl fmt::Debug for ActivityWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityWatch").finish_non_exhaustive()
    }
}

/// The entries that a watcher has not read yet: at most [`MAX_ENTRIES`](Self::MAX_ENTRIES), of which the oldest go.
#[derive(Debug, Default)]
pub struct ActivityQueue(Mutex<Unread>);

#[derive(Debug, Default)]
struct Unread {
    entries: VecDeque<ActivityEntry>,
    /// How many have gone before the first of them.
    lost: u64,
    /// The waker of the reader, while it waits.
    reader: Option<Waker>,
}

impl ActivityQueue {
    /// How many entries wait for a watcher at most.
    pub const MAX_ENTRIES: usize = 1_000;

    /// Adds an entry. Returns the waker of a reader that waits, to be woken without a lock.
    #[must_use = "the reader waits until this waker is woken"]
    pub fn push(&self, entry: ActivityEntry) -> Option<Waker> {
        let mut unread = lock(&self.0);
        if unread.entries.len() >= Self::MAX_ENTRIES {
            unread.entries.pop_front();
            unread.lost += 1;
        }
        unread.entries.push_back(entry);
        unread.reader.take()
    }

    fn poll_pop(&self, waker: &Waker) -> Poll<ActivityNews> {
        let mut unread = lock(&self.0);
        if unread.lost > 0 {
            return Poll::Ready(ActivityNews::Lost(std::mem::take(&mut unread.lost)));
        }
        if let Some(entry) = unread.entries.pop_front() {
            return Poll::Ready(ActivityNews::Entry(Box::new(entry)));
        }
        let old = unread.reader.replace(waker.clone());
        drop(unread);
        drop(old); // after the lock: dropping a waker may run code of its executor
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use futures::executor::block_on;

    use super::*;
    use crate::{TaskId, TaskStatus, WallTime, WorkerId};

    #[test]
    fn slow_watcher_is_told_how_many_are_gone() {
        let queue = Arc::new(ActivityQueue::default());
        let mut watch = ActivityWatch::new(Arc::clone(&queue), ());
        let worker_id = WorkerId::try_from("w").expect("an id");
        let count = ActivityQueue::MAX_ENTRIES + 3;
        for at in 0..count as u64 {
            let at = WallTime::from_millis(at);
            let entry = ActivityEntry::new(TaskId::new(), worker_id.clone(), "c", TaskStatus::Completed, at);
            assert!(queue.push(entry).is_none(), "no reader waits");
        }
        assert_eq!(block_on(watch.next()), Some(ActivityNews::Lost(3)));
        for at in 3..count as u64 {
            let Some(ActivityNews::Entry(entry)) = block_on(watch.next()) else { panic!("an entry") };
            assert_eq!(entry.ended_at.as_millis(), at);
        }
    }
}
