use std::sync::{Arc, Mutex};

use futures::channel::oneshot;
use rhai_dispatcher_core::{Task, TaskId, WallTime};
use tokio::sync::Notify;

use super::wait_guard::WaitGuard;
use super::wait_table::{Own, WaitAnswer, WaitTable, Waiter, after};
use crate::wire::TaskEnd;

/// The waits of one handle: which outcomes it awaits, and the calls that wait for each.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    state: Mutex<WaitTable>,
    /// Something has to be looked at.
    pub(crate) check: Notify,
    /// The inbox has to be read, or is to be no more.
    pub(crate) read: Notify,
    /// The transport has ended.
    pub(crate) closed: Notify,
}

impl Waits {
    pub(super) fn lock(&self) -> WaitGuard<'_> {
        WaitGuard::new(&self.state)
    }

    /// Notes that a task is going to be submitted and awaited. Whether its outcome is to be sent.
    pub(crate) fn expect(&self, task: &Arc<Task>, limit: usize) -> bool {
        let mut state = self.lock();
        if state.own.len() >= limit {
            return false;
        }
        let own = || {
            let task = Arc::clone(task);
            Own {
                task,
                accepted_at: None,
                latest: None,
                is_to_be_checked: false,
                ended: None,
                waiters: Vec::new(),
            }
        };
        state.own.entry(task.id).or_insert_with(own);
        drop(state);
        self.read.notify_one();
        true
    }

    /// Notes that an expected task was accepted, at that time of the server.
    pub(crate) fn accepted(&self, id: TaskId, now: WallTime) {
        let mut state = self.lock();
        let Some(own) = state.own.get_mut(&id) else { return };
        own.accepted_at = Some(now);
        if let Some((ended, at)) = own.ended.take() {
            state.end(ended, at);
            return;
        }
        // The server knows it since a moment, so that it has expired there by then.
        own.latest = own.task.starts_within().and_then(after);
        let (latest, mut is_due) = (own.latest, own.is_to_be_checked);
        if is_due {
            state.to_check.insert(id);
        }
        if let Some(latest) = latest {
            state.expiries.insert((latest, id));
            is_due |= state.next_check.is_none_or(|next| latest < next);
        }
        drop(state);
        if is_due {
            self.check.notify_one();
        }
    }

    /// Notes that an expected task is not this handle's to be told of: it was refused, or had been
    /// accepted before, so that its outcome may have been sent already.
    pub(crate) fn unexpected(&self, id: TaskId) {
        let mut state = self.lock();
        let Some(own) = state.own.remove(&id) else { return };
        if let Some(latest) = own.latest {
            state.expiries.remove(&(latest, id)); // a look has been earlier than the answer
        }
        if !own.waiters.is_empty() {
            own.waiters.into_iter().for_each(|waiter| state.wait_for_other(id, waiter));
            self.check.notify_one();
        }
    }

    /// Registers a wait.
    pub(crate) fn wait(&self, id: TaskId) -> Wait {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.lock();
        if let Some(place) = state.early.iter().position(|details| details.task_id == id) {
            // It has not gone far: most are asked for before others have come.
            if let Some(details) = state.early.remove(place) {
                let _ = answer.send(Ok(details)); // the receiver is below
            }
            return Wait { receiver, number: 0 };
        }
        state.next_waiter += 1;
        let number = state.next_waiter;
        state.waiters += 1;
        let waiter = Waiter { number, answer };
        if let Some(own) = state.own.get_mut(&id) {
            own.waiters.push(waiter);
        } else {
            state.wait_for_other(id, waiter);
            self.check.notify_one();
            self.read.notify_one();
        }
        Wait { receiver, number }
    }

    /// Ends a wait whose future was dropped.
    pub(crate) fn forget(&self, id: TaskId, number: u64) {
        let mut state = self.lock();
        let state = &mut *state;
        let waiters = match (state.own.get_mut(&id), state.others.get_mut(&id)) {
            (Some(own), _) => &mut own.waiters,
            (None, Some(other)) => &mut other.waiters,
            (None, None) => return,
        };
        let Some(place) = waiters.iter().position(|waiter| waiter.number == number) else { return };
        let waiter = waiters.remove(place);
        let is_last = waiters.is_empty();
        state.waiters -= 1;
        state.over.push((waiter, None));
        // Who has given up waiting does not come again; if so, the record can be asked.
        if is_last && state.own.get(&id).is_none_or(|own| own.accepted_at.is_some()) {
            state.take(id);
        }
    }

    /// An outcome that was sent here.
    pub(crate) fn ended(&self, ended: TaskEnd, at: WallTime) {
        let mut state = self.lock();
        match state.own.get_mut(&ended.task) {
            Some(own) if own.accepted_at.is_none() => own.ended = Some((ended, at)),
            Some(_) => state.end(ended, at),
            None => {}
        }
    }

    /// A task of which it was said that it has ended.
    pub(crate) fn check_one(&self, id: TaskId) {
        let mut state = self.lock();
        if state.own.contains_key(&id) || state.others.contains_key(&id) {
            state.to_check.insert(id);
            self.check.notify_one();
        }
    }

    /// Messages may have been lost.
    pub(crate) fn check_all(&self) {
        self.lock().check_all = true;
        self.check.notify_one();
    }

    /// Checks all waits, since a connection was lost.
    pub(crate) fn check_after_reconnect(&self) {
        if cfg!(not(feature = "fault-no-recheck")) {
            self.check_all();
        }
    }

    /// Whether the outcome of that task is sent here, or was, and no call has asked for it yet.
    pub(crate) fn awaits(&self, id: TaskId) -> bool {
        let state = self.lock();
        state.own.contains_key(&id) || state.early.iter().any(|details| details.task_id == id)
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().waiters
    }

    /// Whether the inbox has to be read now.
    pub(crate) fn is_reading_needed(&self) -> bool {
        let state = self.lock();
        !state.own.is_empty() || !state.others.is_empty() || state.holders > 0
    }

    /// Notes that an instance has got its first claim, or has ended its last.
    pub(crate) fn holds(&self, holds: bool) {
        let mut state = self.lock();
        if holds {
            state.holders += 1;
            drop(state);
            self.read.notify_one();
        } else {
            state.holders = state.holders.saturating_sub(1);
        }
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.check.notify_one();
        self.read.notify_one();
        self.closed.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }
}

/// A registered wait.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) receiver: oneshot::Receiver<WaitAnswer>,
    pub(crate) number: u64,
}
