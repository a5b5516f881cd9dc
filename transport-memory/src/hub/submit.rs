use std::sync::{Arc, MutexGuard};

use rhai_dispatcher_core::{SubmitError, Submitted, Task, TaskId, Tick};

use super::effects::Effects;
use super::hub::Hub;
use crate::queue::RequestKey;
use crate::record::{Record, RecordState};

impl Hub {
    /// Accepts a task.
    pub(crate) fn submit(self: &Arc<Self>, task: Arc<Task>) -> Result<Submitted, SubmitError> {
        let queue = self.queue(&task.worker_id);
        let mut effects = Effects::new(self);
        let parent = task.parent.and_then(|parent| self.record(parent, || effects.tick()));
        let mut state = queue.lock();
        let request = RequestKey::of(&task);
        if let Some(first) = request.as_ref().and_then(|key| state.requests.get(key))
            && first.task.id != task.id
            && !self.is_over(first, effects.tick())
        {
            if !first.task.asks_the_same_as(&task) {
                return Err(SubmitError::RequestIdConflict(first.task.id));
            }
            let _parent = self.add_child(parent.as_deref(), first.task.id)?;
            return Ok(Submitted::Joined(first.task.id));
        }
        let limit = self.config.transport.queue_limit;
        if state.waiting >= limit {
            state.expire(&mut effects); // what has expired takes no place
        }
        if state.waiting >= limit {
            // What was accepted has its place, and may be submitted again.
            if self.records.contains(task.id) {
                return Ok(Submitted::Accepted(task.id));
            }
            return Err(SubmitError::QueueFull { worker_id: task.worker_id.clone(), limit });
        }
        // Held until the child can be found, so that a cancel of the parent reaches it.
        let added_to = self.add_child(parent.as_deref(), task.id)?;
        let number = state.next_number;
        let tick = effects.tick();
        let record = Arc::new(Record::new(task, number, (effects.now, tick)));
        // A task that is submitted again, after an answer that got lost, is there already.
        if !self.records.insert(&record, tick, &mut effects.dropped) {
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
            self.arm(&queue, &mut state);
        }
        Ok(Submitted::Accepted(id))
    }

    /// Notes in the record of the task that dispatches `child` that it does. While the answer is held, no cancel of
    /// that task can begin.
    fn add_child<'a>(
        &self,
        parent: Option<&'a Record>,
        child: TaskId,
    ) -> Result<Option<MutexGuard<'a, RecordState>>, SubmitError> {
        let Some(parent) = parent else { return Ok(None) };
        let mut state = parent.lock();
        state.add_child(parent.task.id, child, self.config.transport.max_children)?;
        Ok(Some(state))
    }

    /// Whether the record has expired, although it may not have been dropped yet.
    fn is_over(&self, record: &Record, now: Tick) -> bool {
        record.ended_at().is_some_and(|ended_at| ended_at + self.config.transport.record_ttl <= now)
    }
}
