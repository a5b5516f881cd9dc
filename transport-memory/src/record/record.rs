use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use rhai_dispatcher_core::{
    ActivityEntry, ActivityError, CancelReason, Claim, EventLimits, EventQueue, Finished, InstanceId,
    Outcome, RunEvent, RunId, SubmitError, Task, TaskDetails, TaskId, TaskLog, TaskStatus, Tick, WallTime,
    lock,
};

use super::progress::Progress;
use super::record_events::RecordEvents;
use crate::wakes::Wakes;

/// One task: what was submitted, and what is known of it.
pub(crate) struct Record {
    pub(crate) task: Arc<Task>,
    /// Its place among all tasks of its queue, in order of submission.
    pub(crate) number: u64,
    /// From when on it is not started any more.
    pub(crate) latest_start: Option<Tick>,
    /// When it is stopped.
    pub(crate) deadline: Option<Tick>,
    state: Mutex<RecordState>,
}

pub(crate) struct RecordState {
    pub(crate) progress: Progress,
    /// Until when it waits, if it does.
    pub(crate) due: Option<Tick>,
    /// When it ended.
    ended: Option<Tick>,
    /// Why it is to stop, if it is, while it runs.
    pub(crate) cancel: Option<CancelReason>,
    /// The waits for its outcome; without a waker until first polled.
    pub(crate) waiters: Vec<(u64, Option<Waker>)>,
    pub(crate) next_waiter: u64,
    /// Until it ends: none if it has told nothing and has had no subscriber.
    events: Option<Box<RecordEvents>>,
}

/// A death that a task has counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Death {
    is_blamed: bool,
    /// The task's attempt then: a retry begins the counts anew.
    attempt: u32,
}

impl Record {
    /// The record of a task that was accepted at that time: for records, and for what is due.
    pub(crate) fn new(task: Arc<Task>, number: u64, (now, tick): (WallTime, Tick)) -> Self {
        let state = RecordState {
            progress: Progress::accepted(&task, now),
            due: (!task.delay.is_zero()).then(|| tick + task.delay),
            ended: None,
            cancel: None,
            waiters: Vec::new(),
            next_waiter: 0,
            events: None,
        };
        let latest_start = task.starts_within().map(|time| tick + time);
        let deadline = task.deadline_in.map(|time| tick + time);
        Self { task, number, latest_start, deadline, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, RecordState> {
        lock(&self.state)
    }

    /// When it ended, if it has.
    pub(crate) fn ended_at(&self) -> Option<Tick> {
        self.lock().ended
    }

    /// All that is known of it.
    pub(crate) fn details(&self) -> TaskDetails {
        self.lock().progress.details(&self.task)
    }

    /// The entry of its end, if that is not the end of a run.
    pub(crate) fn activity_entry(&self) -> ActivityEntry {
        let details = self.details();
        let (id, caller) = (details.task_id, details.caller_id);
        let mut entry = ActivityEntry::new(id, details.worker_id, caller, details.status, details.updated_at);
        entry.method = details.method;
        entry.script_name = details.script_name;
        entry.context_id = details.context_id;
        entry.parent = details.parent;
        entry.delivery = details.delivery;
        entry.attempt = details.attempt;
        entry.instance = details.instance;
        entry.cancel_reason = details.cancel_reason;
        entry.error = details.error.map(ActivityError::from);
        entry
    }

    /// What it takes of memory once finished, estimated.
    pub(crate) fn bytes(&self) -> usize {
        /// The record, its task, its place in the table.
        const FIXED: usize = 1_024;
        let state = self.lock();
        FIXED + self.task.payload.bytes() + self.task.args.as_str().len() + state.progress.bytes()
    }
}

impl RecordState {
    /// Notes that it dispatches `child`; a child that is there already is not noted again.
    pub(crate) fn add_child(
        &mut self,
        parent: TaskId,
        child: TaskId,
        limit: usize,
    ) -> Result<(), SubmitError> {
        if self.cancel.is_some() || self.progress.status == TaskStatus::Cancelled {
            return Err(SubmitError::ParentCancelled(parent));
        }
        let children = &mut self.progress.children;
        if children.contains(&child) {
            return Ok(());
        }
        if children.len() >= limit {
            return Err(SubmitError::TooManyChildren { parent, limit });
        }
        children.push(child);
        Ok(())
    }

    /// When it was accepted, if it waits to be claimed.
    pub(crate) fn waits_as_accepted_at(&self) -> Option<WallTime> {
        self.is_pending().then(|| self.progress.created_at())
    }

    /// Whether it waits to be claimed.
    pub(crate) fn is_pending(&self) -> bool {
        self.progress.status == TaskStatus::Pending
    }

    /// Starts it; the claim is the right to finish this start. Also how long it has waited for that.
    pub(crate) fn start(
        &mut self,
        task: TaskId,
        instance: InstanceId,
        now: WallTime,
        wakes: &mut Wakes,
    ) -> (Claim, Duration) {
        let progress = &mut self.progress;
        let queue_time = now - progress.waits_since();
        progress.status = TaskStatus::Processing;
        progress.instance = Some(instance);
        progress.delivery += 1;
        progress.started_at = Some(now);
        progress.updated_at = now;
        progress.run_at = None;
        self.due = None;
        let claim = Claim { task, instance, delivery: progress.delivery };
        if let Some(events) = &mut self.events {
            events.push(claim.run(), RunEvent::Started, wakes);
        }
        (claim, queue_time)
    }

    /// Whether `claim` still is the right to finish it.
    pub(crate) fn fence(&self, claim: &Claim) -> Result<(), Finished> {
        let progress = &self.progress;
        let mine = progress.instance == Some(claim.instance) && progress.delivery == claim.delivery;
        match progress.status {
            TaskStatus::Processing if mine => Ok(()),
            status if status.is_terminal() && mine => Err(Finished::AlreadyTerminal(status)),
            _ => Err(Finished::Fenced),
        }
    }

    /// Tells its subscribers what a run does, unless the claim of the run is lost.
    pub(crate) fn publish(&mut self, claim: &Claim, event: RunEvent, limits: EventLimits, wakes: &mut Wakes) {
        if self.fence(claim).is_ok() {
            let events = self.events.get_or_insert_with(|| Box::new(RecordEvents::new(limits)));
            events.push(claim.run(), event, wakes);
        }
    }

    /// Adds a subscriber, which gets what was told before. One that comes after the end gets nothing here.
    pub(crate) fn subscribe(&mut self, subscriber: &Arc<EventQueue>, limits: EventLimits, wakes: &mut Wakes) {
        if self.ended.is_some() {
            return;
        }
        self.events.get_or_insert_with(|| Box::new(RecordEvents::new(limits))).subscribe(subscriber, wakes);
        let progress = &self.progress;
        if let (TaskStatus::Processing, Some(instance)) = (progress.status, progress.instance) {
            let run = RunId { instance, delivery: progress.delivery };
            wakes.extend(subscriber.push(run, RunEvent::Started));
        }
    }

    /// Counts the death of its instance.
    pub(crate) fn count_death(&mut self, is_blamed: bool) -> Death {
        let progress = &mut self.progress;
        progress.deaths += 1;
        progress.blamed += u32::from(is_blamed);
        Death { is_blamed, attempt: progress.attempt }
    }

    /// Takes a death back that was none, unless the task has its outcome. Whether it did.
    pub(crate) fn take_back(&mut self, death: Death) -> bool {
        let progress = &mut self.progress;
        if progress.status.is_terminal() || progress.attempt != death.attempt {
            return false;
        }
        progress.deaths = progress.deaths.saturating_sub(1);
        progress.blamed = progress.blamed.saturating_sub(u32::from(death.is_blamed));
        true
    }

    /// Takes back the start that it was given.
    pub(crate) fn uncount(&mut self) {
        self.progress.delivery -= 1;
        self.progress.instance = None;
    }

    /// Makes it wait again, for so long.
    pub(crate) fn return_to_queue(&mut self, delay: Duration, (now, tick): (WallTime, Tick)) {
        let delay = Some(delay).filter(|delay| !delay.is_zero());
        self.progress.status = TaskStatus::Pending;
        self.progress.run_at = delay.map(|delay| now + delay);
        self.progress.updated_at = now;
        self.due = delay.map(|delay| tick + delay);
    }

    /// Writes its one outcome.
    pub(crate) fn end(
        &mut self,
        outcome: Outcome,
        log: TaskLog,
        (now, tick): (WallTime, Tick),
        wakes: &mut Wakes,
    ) {
        self.progress.end(outcome, log);
        self.progress.updated_at = now;
        self.ended = Some(tick);
        self.events = None;
        wakes.extend(self.waiters.drain(..).filter_map(|(_, waker)| waker));
    }
}
