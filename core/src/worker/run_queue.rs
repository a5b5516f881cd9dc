use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Mutex;
use std::task::Context;

use futures::task::AtomicWaker;

use crate::{Tick, lock};

/// The woken tasks of a lane, the earliest due time first, then in the order of their wake-ups.
#[derive(Default)]
pub(super) struct RunQueue {
    queue: Mutex<Queue>,
    /// Wakes the lane.
    lane: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    /// Due time, sequence and number of each task.
    tasks: BinaryHeap<Reverse<(Tick, u64, u64)>>,
    next_sequence: u64,
}

impl RunQueue {
    /// Adds a task, and wakes the lane.
    pub(super) fn push(&self, due: Tick, task: u64) {
        let mut queue = lock(&self.queue);
        queue.next_sequence += 1;
        let entry = (due, queue.next_sequence, task);
        queue.tasks.push(Reverse(entry));
        drop(queue);
        self.lane.wake();
    }

    pub(super) fn pop(&self) -> Option<u64> {
        lock(&self.queue).tasks.pop().map(|Reverse((.., task))| task)
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.queue).tasks.is_empty()
    }

    /// Whether a task is ready; if not, the context is woken when one is.
    pub(super) fn poll_ready(&self, cx: &Context<'_>) -> bool {
        !self.is_empty() || {
            self.lane.register(cx.waker());
            // A task may have been woken since the first check.
            !self.is_empty()
        }
    }
}
