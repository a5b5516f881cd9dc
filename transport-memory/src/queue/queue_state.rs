use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rhai_dispatcher_core::{InstanceId, Tick};

use super::changes::Changes;
use super::claimers::Claimers;
use super::due_timer::DueTimer;
use super::figures::QueueFigures;
use super::instance::Instance;
use super::quarantine::Quarantine;
use super::ready::Ready;
use super::request_key::RequestKey;
use crate::record::Record;

/// What of a queue its lock guards. A step that is long, or that few callers need, is in a file of its own beside this.
#[derive(Default)]
pub(crate) struct QueueState {
    /// May hold tasks that are not pending any more; [`gone`](Self::gone) counts them.
    pub(crate) ready: Ready,
    /// Tasks that wait for their time.
    pub(crate) later: BTreeMap<(Tick, u64), Arc<Record>>,
    /// Tasks that may have killed their instances.
    pub(crate) quarantine: Quarantine,
    /// How many tasks wait in all.
    pub(crate) waiting: usize,
    /// How many tasks in `ready` were cancelled there.
    gone: usize,
    /// No task that waits must have started before this time.
    pub(crate) expires: Option<Tick>,
    pub(crate) instances: HashMap<InstanceId, Arc<Instance>>,
    pub(crate) claimers: Claimers,
    /// The task behind each request id.
    pub(crate) requests: HashMap<RequestKey, Arc<Record>>,
    /// The number of the next task.
    pub(crate) next_number: u64,
    pub(crate) due_timer: Option<DueTimer>,
    pub(crate) paused: bool,
    /// What its instances have counted.
    pub(crate) figures: QueueFigures,
}

impl QueueState {
    /// Whether there is any reason to keep the queue.
    pub(crate) fn is_used(&self) -> bool {
        self.is_listed() || !self.requests.is_empty()
    }

    /// Whether an operator is to see it: request ids of tasks that have ended do not count.
    pub(crate) fn is_listed(&self) -> bool {
        self.waiting > 0 || !self.instances.is_empty() || self.paused
    }

    /// Forgets the request id of a record that has expired.
    pub(crate) fn forget_request(&mut self, record: &Record) {
        let Some(key) = RequestKey::of(&record.task) else { return };
        if self.requests.get(&key).is_some_and(|first| first.task.id == record.task.id) {
            self.requests.remove(&key);
        }
    }

    /// Puts a task where it waits: again, or since its time has come.
    pub(crate) fn enqueue(&mut self, record: Arc<Record>, changes: &mut Changes<'_>) {
        self.waiting += 1;
        self.expires_at_least(record.latest_start);
        let state = record.lock();
        let (due, is_quarantined) = (state.due, state.progress.is_quarantined());
        drop(state);
        if let Some(due) = due.filter(|due| *due > changes.tick()) {
            self.later.insert((due, record.number), record);
            return;
        }
        if is_quarantined {
            self.quarantine.push(record, changes.tick(), changes.config.transport.lease);
            self.wake_all(changes);
        } else {
            self.ready.put_back(record);
            self.wake_claimer(changes);
        }
    }

    /// Notes that an instance holds nothing that had waited for this.
    pub(crate) fn is_free(&mut self, instance: &Instance, changes: &mut Changes<'_>) {
        self.quarantine.finished(instance.id, changes.tick(), changes.config.transport.lease);
        // It was alone with its task, or reserved for one.
        changes.wakes.extend(instance.lock().held_up.drain(..));
        self.offer_quarantine(changes);
    }

    /// Notes that an instance lives, and with it the group that it has under observation.
    pub(crate) fn lives(&mut self, instance: &Instance, changes: &mut Changes<'_>) {
        if self.quarantine.lives(instance.id, changes.tick(), changes.config.transport.lease) {
            changes.wakes.extend(instance.lock().held_up.drain(..));
            self.offer_quarantine(changes);
        }
    }

    /// Lets all that wait see whether the next group of the quarantine is theirs.
    pub(crate) fn offer_quarantine(&mut self, changes: &mut Changes<'_>) {
        if !self.quarantine.is_empty() {
            self.wake_all(changes);
        }
    }

    /// Notes that a waiting task was cancelled where it stands.
    pub(crate) fn removed(&mut self, record: &Record, due: Option<Tick>) {
        /// Below this many it is not worth going through the queue.
        const FEW: usize = 64;
        self.waiting -= 1;
        if let Some(due) = due
            && self.later.remove(&(due, record.number)).is_some()
        {
            return;
        }
        if self.quarantine.remove(record) {
            return;
        }
        self.gone += 1;
        if self.gone >= FEW && self.gone > self.ready.len() / 2 {
            self.ready.retain(|record| record.lock().is_pending());
            self.gone = 0;
        }
    }

    /// Notes that a task was taken out that had been cancelled before.
    pub(crate) fn skipped(&mut self) {
        self.gone = self.gone.saturating_sub(1);
    }

    /// How many tasks could be claimed now.
    pub(crate) fn ready_len(&self) -> usize {
        self.ready.len().saturating_sub(self.gone)
    }

    /// Whether there is something to claim.
    pub(crate) fn has_work(&self) -> bool {
        !self.paused && (!self.ready.is_empty() || !self.quarantine.is_empty())
    }

    /// Wakes the claim future that has waited longest.
    pub(crate) fn wake_claimer(&mut self, changes: &mut Changes<'_>) {
        if !self.paused
            && let Some(waker) = self.claimers.pop_first()
        {
            changes.wakes.push(waker);
        }
    }

    /// Offers what was kept for claims that have not looked in time to those that wait.
    pub(crate) fn end_keeping(&mut self, changes: &mut Changes<'_>) {
        if self.claimers.kept_until().is_some()
            && self.claimers.end_keeping(changes.tick())
            && self.has_work()
        {
            self.wake_claimer(changes);
        }
    }

    /// Wakes all that wait, to look again.
    pub(crate) fn wake_all(&mut self, changes: &mut Changes<'_>) {
        changes.wakes.extend(self.claimers.pop_all());
    }

    /// Notes when a waiting task expires. Whether that is earlier than all before.
    pub(crate) fn expires_at_least(&mut self, at: Option<Tick>) -> bool {
        let earlier = at.is_some_and(|at| self.expires.is_none_or(|other| at < other));
        if earlier {
            self.expires = at;
        }
        earlier
    }
}
