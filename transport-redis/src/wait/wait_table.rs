use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use rhai_dispatcher_core::{OutcomeError, Task, TaskDetails, TaskId, WallTime};
use tokio::time::Instant;

use crate::wire::TaskEnd;

#[derive(Debug, Default)]
pub(super) struct WaitTable {
    /// Tasks that were submitted here with the promise to wait for them: their outcome is sent.
    pub(super) own: HashMap<TaskId, Own>,
    /// Other tasks: their record has been asked to tell this inbox.
    pub(super) others: HashMap<TaskId, Other>,
    /// Outcomes that arrived before they were asked for, the oldest in front.
    pub(super) early: VecDeque<Box<TaskDetails>>,
    /// Records to look at now.
    pub(super) to_check: BTreeSet<TaskId>,
    pub(super) check_all: bool,
    /// When tasks that are waited for must have started by.
    pub(super) expiries: BTreeSet<(Instant, TaskId)>,
    /// Since when tasks of others are waited for, of which it may not be known yet whether there is a record.
    pub(super) unknown: VecDeque<(Instant, TaskId)>,
    /// When the checker looks next by itself.
    pub(super) next_check: Option<Instant>,
    pub(super) waiters: usize,
    pub(super) next_waiter: u64,
    /// Instances of this handle that hold claims, and so may be told to stop them.
    pub(super) holders: usize,
    pub(super) closed: bool,
    /// Waiters that are over, with their answers, if they get one. A waiter's waker may do anything, so it is called once
    /// the lock is released: [`WaitGuard`](super::wait_guard::WaitGuard).
    pub(super) over: Vec<(Waiter, Option<WaitAnswer>)>,
}

#[derive(Debug)]
pub(super) struct Own {
    pub(super) task: Arc<Task>,
    /// Known once it is accepted.
    pub(super) accepted_at: Option<WallTime>,
    /// When it must have started by, once it is accepted.
    pub(super) latest: Option<Instant>,
    /// Whether its message may have been lost before it was accepted.
    pub(super) is_to_be_checked: bool,
    /// The outcome, if it was quicker than the answer to the submit.
    pub(super) ended: Option<(TaskEnd, WallTime)>,
    pub(super) waiters: Vec<Waiter>,
}

#[derive(Debug)]
pub(super) struct Other {
    /// Since when it is waited for.
    pub(super) since: Instant,
    /// Whether there was a record when it was looked at.
    pub(super) seen: bool,
    /// When it must have started by, once that is known.
    pub(super) latest: Option<Instant>,
    pub(super) waiters: Vec<Waiter>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) number: u64,
    pub(super) answer: oneshot::Sender<WaitAnswer>,
}

pub(super) type WaitAnswer = Result<Box<TaskDetails>, OutcomeError>;

/// How many outcomes are kept that no call has asked for yet.
const EARLY: usize = 1_024;

impl WaitTable {
    pub(super) fn wait_for_other(&mut self, id: TaskId, waiter: Waiter) {
        let other = self.others.entry(id).or_insert_with(|| {
            let since = Instant::now();
            self.unknown.push_back((since, id));
            Other { since, seen: false, latest: None, waiters: Vec::new() }
        });
        other.waiters.push(waiter);
        self.to_check.insert(id);
    }

    /// Whether it is waited for since then, and not known whether there is a record of it.
    pub(super) fn is_unknown(&self, id: TaskId, since: Instant) -> bool {
        self.others.get(&id).is_some_and(|other| !other.seen && other.since == since)
    }

    /// Notes that a task has a record, and until when it must have started if it waits.
    pub(super) fn seen(&mut self, id: TaskId, latest: Option<Instant>) {
        let known = if let Some(own) = self.own.get_mut(&id) {
            &mut own.latest
        } else if let Some(other) = self.others.get_mut(&id) {
            other.seen = true;
            &mut other.latest
        } else {
            return;
        };
        if let Some(before) = std::mem::replace(known, latest) {
            self.expiries.remove(&(before, id));
        }
        self.expiries.extend(latest.map(|latest| (latest, id)));
    }

    pub(super) fn end(&mut self, ended: TaskEnd, at: WallTime) {
        let id = ended.task;
        let Some(own) = self.own.remove(&id) else { return };
        if let Some(latest) = own.latest {
            self.expiries.remove(&(latest, id));
        }
        let mut details = Box::new(TaskDetails::accepted(&own.task, own.accepted_at.unwrap_or(at)));
        details.set_outcome(ended.outcome);
        details.log = ended.log;
        details.instance = Some(ended.instance);
        details.delivery = ended.delivery;
        details.attempt = ended.attempt;
        details.deaths = ended.deaths;
        details.started_at = Some(ended.started_at);
        details.updated_at = at;
        details.run_at = None;
        if own.waiters.is_empty() {
            if self.early.len() >= EARLY {
                self.early.pop_front();
            }
            self.early.push_back(details);
        } else {
            self.answer(own.waiters, Ok(details));
        }
    }

    /// Forgets a task; who waited for it.
    pub(super) fn take(&mut self, id: TaskId) -> Vec<Waiter> {
        let (latest, waiters) = if let Some(own) = self.own.remove(&id) {
            (own.latest, own.waiters)
        } else if let Some(other) = self.others.remove(&id) {
            (other.latest, other.waiters)
        } else {
            return Vec::new();
        };
        if let Some(latest) = latest {
            self.expiries.remove(&(latest, id));
        }
        waiters
    }

    /// Answers waiters once the lock is released.
    pub(super) fn answer(&mut self, mut waiters: Vec<Waiter>, answer: WaitAnswer) {
        self.waiters -= waiters.len();
        // Mostly there is one, which needs no copy.
        let Some(last) = waiters.pop() else { return };
        self.over.extend(waiters.into_iter().map(|waiter| (waiter, Some(answer.clone()))));
        self.over.push((last, Some(answer)));
    }
}

/// The moment in so long, and a little more, since the server counts in milliseconds; none if that is never.
pub(super) fn after(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time.saturating_add(Duration::from_millis(1)))
}
