use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::call_error::{CallError, NotSent};
use super::line::Line;
use super::signature::Signature;
use super::slot::Slot;
use super::waiting::{Entry, Waiting};
use crate::{Clock, Tick, lock};

/// What the callers and workers of one service share: the queued requests, and what waits for them or for room.
///
/// No waker is called, and nothing of the user's types is dropped, while the lock is held.
pub(super) struct Channel<S: Signature> {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backlog: usize,
    pub(super) state: Mutex<Lines<S>>,
}

pub(super) struct Lines<S: Signature> {
    /// Requests that no worker has begun, at most as many as the backlog; less by those that are reserved.
    queue: Line<Entry<S>>,
    /// What waits for room in the queue. If there is any, the queue is full.
    pub(super) waiting: Line<Waiting<S>>,
    /// Places in the queue for requests that are sent later.
    pub(super) reserved: usize,
    /// Workers that wait for a request.
    idle: Line<Waker>,
    last_number: u64,
    pub(super) callers: usize,
    pub(super) workers: usize,
}

/// The number of a request that is in no line, since its time was over when it was to begin. Others are above.
const SKIPPED: u64 = 0;

/// What a call does if the backlog is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It waits behind those that wait.
    Wait,
    /// It fails.
    Try,
    /// It has a place.
    #[cfg(feature = "tower")]
    Reserved,
}

impl<S: Signature> Channel<S> {
    pub(super) const fn new(backlog: usize, clock: Arc<dyn Clock>) -> Self {
        let state = Lines {
            queue: Line::new(),
            waiting: Line::new(),
            reserved: 0,
            idle: Line::new(),
            last_number: 0,
            callers: 0,
            workers: 0,
        };
        Self { clock, backlog, state: Mutex::new(state) }
    }

    /// Queues a request, or puts it in the line for that.
    pub(super) fn send(
        &self,
        request: S::Request,
        slot: Slot<S>,
        admission: Admission,
    ) -> Result<Arc<Slot<S>>, CallError<S::Error>> {
        let slot = Arc::new(slot);
        let entry = Entry { request, slot: Arc::clone(&slot) };
        let mut state = lock(&self.state);
        #[cfg(feature = "tower")]
        if admission == Admission::Reserved {
            state.reserved -= 1;
        }
        if state.workers == 0 {
            drop(state);
            drop(entry);
            return Err(CallError::WorkerGone);
        }
        if state.has_room(self.backlog, admission) {
            let idle = state.enqueue(entry);
            drop(state);
            if let Some(idle) = idle {
                idle.wake();
            }
            return Ok(slot);
        }
        if admission == Admission::Try {
            drop(state);
            drop(entry);
            return Err(CallError::NotSent(NotSent::BacklogFull { backlog: self.backlog }));
        }
        let number = state.next_number();
        entry.slot.set_number(number);
        state.waiting.push_back(number, Waiting::Entry(entry));
        Ok(slot)
    }

    /// Takes the next request for a worker, or has it woken when there is one. `None` after the last caller.
    ///
    /// `ticket` is the worker's number in the line of the idle ones, if it is there.
    pub(super) fn poll_next(&self, ticket: &mut Option<u64>, cx: &mut Context<'_>) -> Poll<Option<Entry<S>>> {
        loop {
            let mut state = lock(&self.state);
            let Some(entry) = state.queue.pop_front() else {
                if state.callers > 0 {
                    let before = state.wait(ticket, cx.waker());
                    drop(state);
                    drop(before);
                    return Poll::Pending;
                }
                let before = state.leave(ticket);
                drop(state);
                drop(before);
                return Poll::Ready(None);
            };
            let before = state.leave(ticket);
            let wake = state.admit(self.backlog);
            // The caller may not have been polled since its deadline.
            let is_over = entry.slot.deadline().is_some_and(|deadline| self.clock.now() >= deadline);
            if is_over {
                entry.slot.set_number(SKIPPED);
            }
            drop(state);
            drop(before);
            if let Some(waker) = wake {
                waker.wake();
            }
            if !is_over {
                return Poll::Ready(Some(entry));
            }
            entry.slot.answer(Err(CallError::NotSent(NotSent::DeadlineOver)));
        }
    }

    /// Ends a worker's wait. If it was woken for a request meanwhile, another worker is woken.
    pub(super) fn leave_idle(&self, ticket: &mut Option<u64>) {
        if ticket.is_none() {
            return;
        }
        let mut state = lock(&self.state);
        let before = state.leave(ticket);
        let wake = if before.is_none() && !state.queue.is_empty() { state.idle.pop_front() } else { None };
        drop(state);
        drop(before);
        if let Some(waker) = wake {
            waker.wake();
        }
    }

    /// Takes back a request, unless a worker has begun it; whether none has and none will.
    pub(super) fn withdraw(&self, slot: &Slot<S>) -> bool {
        let mut state = lock(&self.state);
        let number = slot.number();
        let queued = state.queue.remove(number);
        let waiting = if queued.is_none() { state.waiting.remove(number) } else { None };
        let wake = if queued.is_some() { state.admit(self.backlog) } else { None };
        drop(state);
        if let Some(waker) = wake {
            waker.wake();
        }
        queued.is_some() || waiting.is_some() || number == SKIPPED
    }

    pub(super) fn add_caller(&self) {
        lock(&self.state).callers += 1;
    }

    /// After the last one, workers end with the last request.
    pub(super) fn remove_caller(&self) {
        let mut state = lock(&self.state);
        state.callers -= 1;
        if state.callers > 0 {
            return;
        }
        let idle = state.idle.take_all();
        drop(state);
        idle.for_each(Waker::wake);
    }

    /// Whether no request waits, and none will.
    pub(super) fn is_deserted(&self) -> bool {
        let state = lock(&self.state);
        state.callers == 0 && state.queue.is_empty() && state.waiting.is_empty()
    }

    /// How many requests can be sent now without a wait; `None` once all workers have ended.
    pub(super) fn room(&self) -> Option<usize> {
        let state = lock(&self.state);
        (state.workers > 0).then(|| self.backlog.saturating_sub(state.queue.len() + state.reserved))
    }

    pub(super) fn add_worker(&self) {
        lock(&self.state).workers += 1;
    }

    /// After the last one, no request is begun any more.
    pub(super) fn remove_worker(&self) {
        let mut state = lock(&self.state);
        state.workers -= 1;
        if state.workers > 0 {
            return;
        }
        let (queue, waiting) = (state.queue.take_all(), state.waiting.take_all());
        drop(state);
        for left in queue.map(Waiting::Entry).chain(waiting) {
            match left {
                Waiting::Entry(entry) => {
                    entry.slot.answer(Err(CallError::WorkerGone));
                }
                Waiting::Turn(turn) => {
                    if let Some(waker) = turn.decide(false) {
                        waker.wake();
                    }
                }
            }
        }
    }

    /// When a call with that timeout is over.
    pub(super) fn deadline_in(&self, timeout: std::time::Duration) -> Tick {
        self.clock.now() + timeout
    }
}

impl<S: Signature> Lines<S> {
    pub(super) fn has_room(&self, backlog: usize, admission: Admission) -> bool {
        match admission {
            Admission::Wait | Admission::Try => {
                self.waiting.is_empty() && self.queue.len() + self.reserved < backlog
            }
            #[cfg(feature = "tower")]
            Admission::Reserved => true,
        }
    }

    /// Lets the first that waits into the queue, if there is room; the answer is to be woken.
    ///
    /// One call is enough for each place that becomes free.
    pub(super) fn admit(&mut self, backlog: usize) -> Option<Waker> {
        if self.waiting.is_empty() || self.queue.len() + self.reserved >= backlog {
            return None;
        }
        match self.waiting.pop_front()? {
            Waiting::Entry(entry) => self.enqueue(entry),
            Waiting::Turn(turn) => {
                self.reserved += 1;
                turn.decide(true)
            }
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Queues a request; the answer is the worker to be woken for it.
    fn enqueue(&mut self, entry: Entry<S>) -> Option<Waker> {
        let number = self.next_number();
        entry.slot.set_number(number);
        self.queue.push_back(number, entry);
        self.idle.pop_front()
    }

    /// Puts a worker in the line of the idle ones; the answer is a waker that it had there.
    fn wait(&mut self, ticket: &mut Option<u64>, waker: &Waker) -> Option<Waker> {
        if let Some(idle) = ticket.and_then(|number| self.idle.get_mut(number)) {
            return (!idle.will_wake(waker)).then(|| std::mem::replace(idle, waker.clone()));
        }
        let number = self.next_number();
        self.idle.push_back(number, waker.clone());
        *ticket = Some(number);
        None
    }

    /// Takes a worker out of the line of the idle ones. `None` if it was not there, since it was woken.
    fn leave(&mut self, ticket: &mut Option<u64>) -> Option<Waker> {
        self.idle.remove(ticket.take()?)
    }
}

impl<S: Signature> fmt::Debug for Channel<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("Channel")
            .field("backlog", &self.backlog)
            .field("queued", &state.queue.len())
            .field("waiting", &state.waiting.len())
            .field("callers", &state.callers)
            .field("workers", &state.workers)
            .finish_non_exhaustive()
    }
}
