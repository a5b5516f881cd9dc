use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::channel::oneshot;
use rhai_dispatcher_core::{OutcomeError, Task, TaskId, TransportError, WallTime, lock};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::record_read::RecordRead;
use super::wait_table::{Own, WaitAnswer, WaitTable, Waiter, after};
use crate::client::ClientError;
use crate::wire::TaskEnd;

/// The waits of one handle: which outcomes it awaits, and the calls that wait for each.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    state: Mutex<WaitTable>,
    /// Something has to be looked at.
    pub(crate) check: Notify,
    /// The inbox has to be read, or is to be no more.
    pub(crate) read: Notify,
}

/// What the checker is to do.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// Tasks whose outcome is sent anyway.
    pub(crate) own: Vec<TaskId>,
    /// Tasks whose record is to tell this inbox.
    pub(crate) others: Vec<TaskId>,
}

impl Waits {
    fn lock(&self) -> MutexGuard<'_, WaitTable> {
        lock(&self.state)
    }

    /// Notes that a task is going to be submitted and awaited. Whether its outcome is to be sent.
    pub(crate) fn expect(&self, task: &Task, limit: usize) -> bool {
        let mut state = self.lock();
        if state.own.len() >= limit {
            return false;
        }
        let task_id = task.id;
        let task = Arc::new(task.clone());
        let own = Own { task, accepted_at: None, latest: None, ended: None, waiters: Vec::new() };
        state.own.entry(task_id).or_insert(own);
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
        if let Some(latest) = own.latest {
            state.expiries.insert((latest, id));
            if state.next_check.is_none_or(|next| latest < next) {
                drop(state);
                self.check.notify_one();
            }
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
        let gone = |waiters: &mut Vec<Waiter>| {
            let before = waiters.len();
            waiters.retain(|waiter| waiter.number != number);
            before - waiters.len()
        };
        if let Some(own) = state.own.get_mut(&id) {
            let count = gone(&mut own.waiters);
            state.waiters -= count;
            // Who has given up waiting does not come again; if so, the record can be asked.
            if count > 0 && own.waiters.is_empty() && own.accepted_at.is_some() {
                state.take(id);
            }
        } else if let Some(other) = state.others.get_mut(&id) {
            state.waiters -= gone(&mut other.waiters);
            if other.waiters.is_empty() {
                state.take(id);
            }
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

    /// Does what is due: tasks that have expired are to be read, and a wait that has not learnt within `timeout`
    /// whether its task exists fails with `why`. Returns when something is due next.
    pub(crate) fn process_due(&self, timeout: Duration, why: impl FnOnce() -> String) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.lock();
        let state = &mut *state;
        while let Some(first) = state.expiries.first().copied().filter(|(at, _)| *at <= now) {
            state.expiries.remove(&first);
            state.to_check.insert(first.1);
        }
        if std::mem::take(&mut state.check_all) {
            let own = state.own.iter().filter(|(_, own)| own.accepted_at.is_some());
            state.to_check.extend(own.map(|(id, _)| *id));
            state.to_check.extend(state.others.keys());
        }
        let mut unanswered = Vec::new();
        while let Some((since, id)) = state.unknown.front().copied() {
            if state.is_unknown(id, since) {
                if now < since + timeout {
                    break;
                }
                unanswered.push(id);
            }
            state.unknown.pop_front();
        }
        if !unanswered.is_empty() {
            let error = TransportError::from(ClientError::Timeout(why()));
            for id in unanswered {
                let waiters = state.take(id);
                state.answer(waiters, Err(error.clone().into()));
            }
        }
        let unknown = state.unknown.front().map(|(since, _)| *since + timeout);
        let expiry = state.expiries.first().map(|(at, _)| *at);
        state.next_check = expiry.into_iter().chain(unknown).min();
        state.next_check
    }

    /// Takes up to `most` of the tasks that are to be looked at now.
    pub(crate) fn take_checks(&self, most: usize) -> Checks {
        let mut state = self.lock();
        let mut checks = Checks::default();
        while checks.own.len() + checks.others.len() < most {
            let Some(id) = state.to_check.pop_first() else { break };
            if state.own.contains_key(&id) {
                checks.own.push(id);
            } else if state.others.contains_key(&id) {
                checks.others.push(id);
            }
        }
        checks
    }

    /// Applies the result of a read of a record.
    pub(crate) fn note_read(&self, id: TaskId, read: RecordRead) {
        let mut state = self.lock();
        let state = &mut *state;
        match read {
            RecordRead::Record(Some(details)) if details.status.is_terminal() => {
                let waiters = state.take(id);
                state.answer(waiters, Ok(*details));
            }
            RecordRead::Record(Some(_)) => state.seen(id, None),
            RecordRead::Open(left) => state.seen(id, left.and_then(after)),
            RecordRead::Record(None) => {
                let lost =
                    state.own.contains_key(&id) || state.others.get(&id).is_some_and(|other| other.seen);
                let waiters = state.take(id);
                let error = if lost { OutcomeError::Lost(id) } else { OutcomeError::NotFound(id) };
                state.answer(waiters, Err(error));
            }
            RecordRead::Wrong(problem) => {
                let waiters = state.take(id);
                let error = TransportError::Protocol(Arc::from(
                    Box::<dyn std::error::Error + Send + Sync>::from(problem),
                ));
                state.answer(waiters, Err(error.into()));
            }
        }
    }

    /// A read has failed. If it may succeed later it is made again. A wait of which it is not known whether the task
    /// exists fails after the call timeout; other waits continue.
    pub(crate) fn note_read_failure(&self, id: TaskId, error: &TransportError) {
        let mut state = self.lock();
        let state = &mut *state;
        if !error.is_retryable() {
            let waiters = state.take(id);
            state.answer(waiters, Err(error.clone().into()));
        } else {
            state.to_check.insert(id);
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

    pub(crate) fn has_waits(&self) -> bool {
        let state = self.lock();
        !state.own.is_empty() || !state.others.is_empty()
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

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::{Payload, TaskDetails, WorkerId};

    use super::*;

    #[test]
    fn a_wait_that_has_ended_leaves_nothing() {
        let waits = Waits::default();
        let left = Duration::from_secs(60);
        let worker_id = WorkerId::try_from("worker-1").expect("a name");
        let mut task = Task::new(worker_id, Payload::script("1"), "caller");
        task.expires_in = Some(left);
        let ended = TaskDetails::accepted(&task, WallTime::from_millis(1));
        for end in 0..3 {
            // One of this handle, and one of another.
            assert!(waits.expect(&task, 10));
            waits.accepted(task.id, WallTime::from_millis(1));
            for id in [task.id, TaskId::new()] {
                let wait = waits.wait(id);
                waits.note_read(id, RecordRead::Open(Some(left)));
                assert!(waits.lock().expiries.iter().any(|(_, expires)| *expires == id));
                match end {
                    0 => waits.forget(id, wait.number),
                    1 => waits.note_read(id, RecordRead::Record(None)),
                    _ => {
                        let mut details = ended.clone();
                        details.task_id = id;
                        details.status = rhai_dispatcher_core::TaskStatus::Completed;
                        waits.note_read(id, RecordRead::Record(Some(Box::new(details))));
                    }
                }
            }
            let state = waits.lock();
            assert!(state.expiries.is_empty(), "{:?}", state.expiries);
            assert!(state.own.is_empty() && state.others.is_empty() && state.waiters == 0);
        }
    }

    #[test]
    fn a_wait_without_an_answer_is_told_when_its_own_time_is_over() {
        let waits = Waits::default();
        let timeout = Duration::from_millis(50);
        let (first, id) = (TaskId::new(), TaskId::new());
        drop(waits.wait(first));
        waits.forget(first, 1);
        let start = Instant::now();
        let mut wait = waits.wait(id);
        let due = waits.process_due(timeout, || unreachable!("it is not over")).expect("it is due some time");
        assert!(due >= start + timeout);
        assert!(wait.receiver.try_recv().expect("it waits").is_none());
        while Instant::now() < due {
            std::thread::yield_now();
        }
        assert_eq!(waits.process_due(timeout, || "the server is away".into()), None);
        let told = wait.receiver.try_recv().expect("it is answered").expect("it is answered");
        assert!(matches!(told, Err(OutcomeError::Transport(TransportError::Unavailable(_)))), "{told:?}");
        assert_eq!(waits.count(), 0);
    }
}
