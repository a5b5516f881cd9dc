use std::collections::HashMap;
use std::sync::Mutex;

use futures::channel::oneshot;
use rhai_dispatcher_core::{OutcomeError, TaskDetails, TaskId, TransportError, lock};
use tokio::sync::Notify;

/// The replies that a handle waits for.
#[derive(Debug, Default)]
pub(super) struct Replies {
    state: Mutex<State>,
    /// There is a reply more to wait for.
    pub(super) added: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The tasks that this handle has submitted to wait for, and the waits for each.
    waits: HashMap<TaskId, Vec<Waiter>>,
    next_number: u64,
    /// The tasks that the command at the server waits for may be fewer than these.
    is_stale: bool,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    answer: oneshot::Sender<Answer>,
}

pub(super) type Answer = Result<TaskDetails, OutcomeError>;

/// A wait for a reply.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) number: u64,
}

impl Replies {
    /// Notes that the reply to a task is going to be waited for. `false` if that are too many.
    pub(super) fn expect(&self, id: TaskId, limit: usize) -> bool {
        let mut state = lock(&self.state);
        if state.waits.len() >= limit && !state.waits.contains_key(&id) {
            return false;
        }
        state.waits.entry(id).or_default();
        state.is_stale = true;
        drop(state);
        self.added.notify_one();
        true
    }

    /// A wait for a task that is expected.
    pub(super) fn wait(&self, id: TaskId) -> Option<Wait> {
        let mut state = lock(&self.state);
        state.next_number += 1;
        let number = state.next_number;
        let waiters = state.waits.get_mut(&id)?;
        let (sender, answer) = oneshot::channel();
        waiters.push(Waiter { number, answer: sender });
        Some(Wait { answer, number })
    }

    /// Ends a wait. Without a wait the reply is not expected any more.
    pub(super) fn forget(&self, id: TaskId, number: u64) {
        let mut state = lock(&self.state);
        let Some(waiters) = state.waits.get_mut(&id) else { return };
        waiters.retain(|waiter| waiter.number != number);
        if waiters.is_empty() {
            state.waits.remove(&id);
        }
    }

    /// Stops to expect a task that was not submitted.
    pub(super) fn unexpect(&self, id: TaskId) {
        lock(&self.state).waits.remove(&id);
    }

    /// Answers all waits for a task.
    pub(super) fn answer(&self, id: TaskId, answer: &Answer) {
        let waiters = lock(&self.state).waits.remove(&id).unwrap_or_default();
        for waiter in waiters {
            let _ = waiter.answer.send(answer.clone()); // it may have been dropped
        }
    }

    /// Answers all waits with an error that waiting does not help.
    pub(super) fn fail(&self, error: &TransportError) {
        let waits = std::mem::take(&mut lock(&self.state).waits);
        for waiter in waits.into_values().flatten() {
            let _ = waiter.answer.send(Err(error.clone().into()));
        }
    }

    /// The tasks to wait for at the server.
    pub(super) fn ids(&self) -> Vec<TaskId> {
        let mut state = lock(&self.state);
        state.is_stale = false;
        state.waits.keys().copied().collect()
    }

    /// Whether tasks were added since [`ids`](Self::ids).
    pub(super) fn is_stale(&self) -> bool {
        lock(&self.state).is_stale
    }

    /// How many waits there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.state).waits.values().map(Vec::len).sum()
    }
}
