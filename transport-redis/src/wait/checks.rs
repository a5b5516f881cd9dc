use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{OutcomeError, TaskId, TransportError};
use tokio::time::Instant;

use super::record_read::RecordRead;
use super::wait_table::after;
use super::waits::Waits;
use crate::client::ClientError;

/// What the checker is to do.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// Tasks whose outcome is sent anyway.
    pub(crate) own: Vec<TaskId>,
    /// Tasks whose record is to tell this inbox.
    pub(crate) others: Vec<TaskId>,
}

/// The side of the checker, which reads records.
impl Waits {
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
            for (id, own) in &mut state.own {
                match own.accepted_at {
                    Some(_) => drop(state.to_check.insert(*id)),
                    // Whether there is a record is known with the answer to its submit.
                    None => own.is_to_be_checked = true,
                }
            }
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
                state.answer(waiters, Ok(details));
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
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::{Payload, Task, TaskDetails, WallTime, WorkerId};

    use super::*;

    #[test]
    fn what_was_not_accepted_when_messages_were_lost_is_looked_at_once_it_is() {
        let waits = Waits::default();
        let worker_id = WorkerId::try_from("worker-1").expect("a name");
        let task = Arc::new(Task::new(worker_id, Payload::script("1"), "caller"));
        assert!(waits.expect(&task, 10));
        let _wait = waits.wait(task.id);
        waits.check_all();
        let look = || {
            waits.process_due(Duration::from_secs(60), String::new);
            waits.take_checks(10).own
        };
        assert_eq!(look(), [], "there may be no record yet");
        waits.accepted(task.id, WallTime::from_millis(1));
        assert_eq!(look(), [task.id]);
        assert_eq!(look(), [], "once");
    }

    #[test]
    fn a_wait_that_has_ended_leaves_nothing() {
        let waits = Waits::default();
        let left = Duration::from_secs(60);
        let worker_id = WorkerId::try_from("worker-1").expect("a name");
        let mut task = Task::new(worker_id, Payload::script("1"), "caller");
        task.expires_in = Some(left);
        let task = Arc::new(task);
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
