use std::collections::{HashMap, HashSet, VecDeque};
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
    /// The tasks that this handle has submitted, and whose reply was not popped.
    submitted: HashSet<TaskId>,
    /// The same in the order of the submits, and some whose reply was popped.
    order: VecDeque<TaskId>,
    /// The tasks that are waited for, and the waits for each.
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

pub(super) type Answer = Result<Box<TaskDetails>, OutcomeError>;

/// A wait for a reply.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) number: u64,
}

/// How many submitted tasks are remembered whose reply was not popped: those that were submitted last.
const MAX_SUBMITTED: usize = 100_000;

/// How many replies are waited for at once: the command that waits names them all.
const MAX_WAITS: usize = 1_000;

impl Replies {
    /// Notes that this handle submits a task: its reply is for this handle.
    pub(super) fn submit(&self, id: TaskId) {
        let mut state = lock(&self.state);
        if state.submitted.insert(id) {
            state.order.push_back(id);
        }
        while state.order.len() > MAX_SUBMITTED {
            if let Some(oldest) = state.order.pop_front() {
                state.submitted.remove(&oldest);
            }
        }
    }

    /// A wait for the reply to a task; `None` if the reply is not for this handle, was popped, or would be one too many.
    pub(super) fn wait(&self, id: TaskId) -> Option<Wait> {
        let mut state = lock(&self.state);
        if !state.submitted.contains(&id) {
            return None;
        }
        if !state.waits.contains_key(&id) {
            if state.waits.len() >= MAX_WAITS {
                return None;
            }
            state.is_stale = true;
        }
        state.next_number += 1;
        let number = state.next_number;
        let (sender, answer) = oneshot::channel();
        state.waits.entry(id).or_default().push(Waiter { number, answer: sender });
        drop(state);
        self.added.notify_one();
        Some(Wait { answer, number })
    }

    /// Ends a wait. Without a wait the reply stays at the server.
    pub(super) fn forget(&self, id: TaskId, number: u64) {
        let mut state = lock(&self.state);
        let Some(waiters) = state.waits.get_mut(&id) else { return };
        waiters.retain(|waiter| waiter.number != number);
        if waiters.is_empty() {
            state.waits.remove(&id);
        }
    }

    /// Answers all waits for a task.
    pub(super) fn answer(&self, id: TaskId, answer: &Answer) {
        let mut state = lock(&self.state);
        state.submitted.remove(&id);
        let waiters = state.waits.remove(&id).unwrap_or_default();
        drop(state);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let replies = Replies::default();
        let ids: Vec<_> = (0..MAX_SUBMITTED + 10).map(|_| TaskId::new()).collect();
        ids.iter().for_each(|id| replies.submit(*id));
        assert!(replies.wait(ids[0]).is_none(), "the first are forgotten");
        let waits: Vec<_> = ids.iter().rev().take(MAX_WAITS).map(|id| replies.wait(*id)).collect();
        assert!(waits.iter().all(Option::is_some));
        assert!(replies.wait(ids[100]).is_none(), "one more is too many");
        assert!(replies.wait(ids[ids.len() - 1]).is_some(), "a second wait for a reply is not");
        assert_eq!((replies.ids().len(), replies.count()), (MAX_WAITS, MAX_WAITS + 1));
    }
}
