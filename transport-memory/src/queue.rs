use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use rhai_dispatcher_core::{
    InstanceId, InstanceInfo, Priority, QueueInfo, SubmitError, Submitted, Task, TaskId, Tick, WorkerId,
};

use crate::due::DueTimer;
use crate::hub::{Effects, Hub};
use crate::instance::Instance;
use crate::quarantine::Quarantine;
use crate::ready::Ready;
use crate::record::{Record, RecordState};

/// What waits for one worker id, and who serves it.
pub(crate) struct Queue {
    pub(crate) worker_id: WorkerId,
    /// For the timer, which may fire when no handle holds the hub any more.
    pub(crate) hub: Weak<Hub>,
    state: Mutex<QueueState>,
}

#[derive(Default)]
pub(crate) struct QueueState {
    /// May hold tasks that are no longer pending; [`gone`](Self::gone) counts them.
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
    /// Claim futures that wait for a task, in the order in which they came.
    pub(crate) claimers: BTreeMap<u64, Waker>,
    /// How many of them were woken and have not looked since.
    pub(crate) woken_claimers: usize,
    pub(crate) next_claimer: u64,
    /// The task behind each request id, by caller.
    requests: HashMap<RequestKey, Arc<Record>>,
    next_number: u64,
    pub(crate) due_timer: Option<DueTimer>,
    pub(crate) paused: bool,
}

/// Caller, worker id (queues may be shared) and request id.
type RequestKey = (Arc<str>, WorkerId, Arc<str>);

impl Queue {
    pub(crate) fn new(worker_id: WorkerId, hub: Weak<Hub>) -> Self {
        Self { worker_id, hub, state: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, QueueState> {
        // Nothing panics while it holds the lock, save for an allocation that fails.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a task.
    pub(crate) fn submit(self: &Arc<Self>, hub: &Hub, task: Arc<Task>) -> Result<Submitted, SubmitError> {
        let mut effects = Effects::new(hub);
        let parent = task.parent.and_then(|parent| hub.records.get(parent, || effects.tick()));
        let mut state = self.lock();
        let request = request_key(&task);
        if let Some(first) = request.as_ref().and_then(|key| state.requests.get(key))
            && first.task.id != task.id
            && !is_over(first, hub, effects.tick())
        {
            if !first.task.asks_the_same_as(&task) {
                return Err(SubmitError::RequestIdConflict(first.task.id));
            }
            let _parent = add_child(parent.as_deref(), first.task.id, hub)?;
            return Ok(Submitted::Joined(first.task.id));
        }
        let limit = hub.config.transport.queue_limit;
        if state.waiting >= limit {
            state.expire(&mut effects); // what has expired takes no place
        }
        if state.waiting >= limit {
            // What was accepted has its place, and may be submitted again.
            if hub.records.contains(task.id) {
                return Ok(Submitted::Accepted(task.id));
            }
            return Err(SubmitError::QueueFull { worker_id: task.worker_id.clone(), limit });
        }
        // Held until the child can be found, so that a cancel of the parent reaches it.
        let added_to = add_child(parent.as_deref(), task.id, hub)?;
        let number = state.next_number;
        let record =
            Arc::new(Record::new(task, Arc::downgrade(self), number, (effects.now, || effects.tick())));
        // A task that is submitted again, after an answer that got lost, is there already.
        let tick = effects.tick();
        if !hub.records.insert(&record, tick, &mut effects.dropped) {
            return Ok(Submitted::Accepted(record.task.id));
        }
        drop(added_to);
        state.next_number += 1;
        state.waiting += 1;
        if let Some(key) = request {
            state.requests.insert(key, Arc::clone(&record));
        }
        let id = record.task.id;
        let mut due_earlier = state.expires_at_least(record.latest_start);
        let due = record.lock().due;
        match due {
            Some(due) => {
                state.later.insert((due, number), record);
                due_earlier = true;
            }
            None => {
                state.ready.push_back(record);
                state.wake_claimer(&mut effects);
            }
        }
        if due_earlier {
            self.arm(&mut state, hub);
        }
        Ok(Submitted::Accepted(id))
    }

    /// Forgets the request id of a record that has expired.
    pub(crate) fn forget_request(&self, record: &Record) {
        let Some(key) = request_key(&record.task) else { return };
        let mut state = self.lock();
        if state.requests.get(&key).is_some_and(|first| first.task.id == record.task.id) {
            state.requests.remove(&key);
        }
    }

    /// Whether there is any reason to keep it.
    pub(crate) fn is_used(&self) -> bool {
        let state = self.lock();
        state.waiting > 0 || !state.instances.is_empty() || !state.requests.is_empty() || state.paused
    }

    pub(crate) fn info(&self, hub: &Hub) -> QueueInfo {
        let mut effects = Effects::new(hub);
        let mut state = self.lock();
        state.expire(&mut effects);
        let mut ready = [0; Priority::ALL.len()];
        for record in state.ready.iter().filter(|record| record.lock().is_pending()) {
            ready[record.task.priority as usize] += 1;
        }
        let delayed = state.later.len();
        QueueInfo {
            worker_id: self.worker_id.clone(),
            ready,
            delayed,
            quarantined: state.quarantine.len(),
            claimed: state.instances.values().map(|instance| instance.lock().claims.len()).sum(),
            instances: state.instances.len(),
            paused: state.paused,
        }
    }

    pub(crate) fn instances(&self, hub: &Hub) -> Vec<InstanceInfo> {
        let (now, wall) = (hub.tick(), hub.config.clock.wall());
        let state = self.lock();
        let info = |instance: &Arc<Instance>| {
            let held = instance.lock();
            InstanceInfo {
                instance: instance.id,
                worker_id: self.worker_id.clone(),
                alive_until: wall + (held.alive_until - now),
                claimed: held.claims.len(),
            }
        };
        state.instances.values().map(info).collect()
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Arc<Self> {
        Arc::new(Self::new(WorkerId::try_from("worker-1").expect("a name"), Weak::new()))
    }
}

impl QueueState {
    /// Puts a task where it waits: again, or since its time has come.
    pub(crate) fn enqueue(&mut self, record: Arc<Record>, effects: &mut Effects<'_>) {
        self.waiting += 1;
        self.expires_at_least(record.latest_start);
        let state = record.lock();
        let (due, is_quarantined) = (state.due, state.progress.is_quarantined());
        drop(state);
        if let Some(due) = due.filter(|due| *due > effects.tick()) {
            self.later.insert((due, record.number), record);
            return;
        }
        if is_quarantined {
            self.quarantine.push(record, effects.tick(), effects.hub.config.transport.lease);
            self.wake_all(effects);
        } else {
            self.ready.put_back(record);
            self.wake_claimer(effects);
        }
    }

    /// Notes that an instance holds nothing that had waited for this.
    pub(crate) fn is_free(&mut self, instance: &Instance, effects: &mut Effects<'_>) {
        self.quarantine.finished(instance.id, effects.tick(), effects.hub.config.transport.lease);
        // It was alone with its task, or reserved for one.
        effects.wakes.extend(instance.lock().held_up.drain(..));
        self.offer_quarantine(effects);
    }

    /// Notes that an instance lives, and with it the group that it has under observation.
    pub(crate) fn lives(&mut self, instance: &Instance, effects: &mut Effects<'_>) {
        if self.quarantine.lives(instance.id, effects.tick(), effects.hub.config.transport.lease) {
            effects.wakes.extend(instance.lock().held_up.drain(..));
            self.offer_quarantine(effects);
        }
    }

    /// Lets all that wait see whether the next group of the quarantine is theirs.
    pub(crate) fn offer_quarantine(&mut self, effects: &mut Effects<'_>) {
        if !self.quarantine.is_empty() {
            self.wake_all(effects);
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
    pub(crate) fn wake_claimer(&mut self, effects: &mut Effects<'_>) {
        if !self.paused
            && let Some((_, waker)) = self.claimers.pop_first()
        {
            self.woken_claimers += 1;
            effects.wakes.push(waker);
        }
    }

    /// Wakes all that wait, to look again.
    pub(crate) fn wake_all(&mut self, effects: &mut Effects<'_>) {
        self.woken_claimers += self.claimers.len();
        effects.wakes.extend(std::mem::take(&mut self.claimers).into_values());
    }

    /// Notes when a waiting task expires. Whether that is earlier than all before.
    fn expires_at_least(&mut self, at: Option<Tick>) -> bool {
        let earlier = at.is_some_and(|at| self.expires.is_none_or(|other| at < other));
        if earlier {
            self.expires = at;
        }
        earlier
    }
}

/// Notes in the record of the task that dispatches `child` that it does. While the answer is held,
/// no cancel of that task can begin.
fn add_child<'a>(
    parent: Option<&'a Record>,
    child: TaskId,
    hub: &Hub,
) -> Result<Option<MutexGuard<'a, RecordState>>, SubmitError> {
    let Some(parent) = parent else { return Ok(None) };
    let mut state = parent.lock();
    state.add_child(parent.task.id, child, hub.config.transport.max_children)?;
    Ok(Some(state))
}

fn request_key(task: &Task) -> Option<RequestKey> {
    let request_id = task.request_id.clone()?;
    Some((Arc::clone(&task.caller_id), task.worker_id.clone(), request_id))
}

/// Whether the record has expired, although it may not have been dropped yet.
fn is_over(record: &Record, hub: &Hub, now: Tick) -> bool {
    record.ended_at().is_some_and(|ended_at| ended_at + hub.config.transport.record_ttl <= now)
}
