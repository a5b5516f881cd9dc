use rhai_dispatcher_core::{CancelReason, Cancelled, Claim, Signal, TaskId, TaskStatus};

use crate::hub::{Effects, Hub};
use crate::record::Record;

impl Hub {
    /// Cancels a task, and all that is below it. No lock may be held.
    pub(crate) fn cancel(&self, id: TaskId, why: CancelReason) -> Cancelled {
        let mut effects = Effects::new(self);
        let Some(record) = self.records.get(id, || effects.tick()) else { return Cancelled::NotFound };
        let Some(queue) = record.queue.upgrade() else { return Cancelled::AlreadyFinished };
        let mut state = queue.lock();
        if state.cancel_waiting(&record, why, &mut effects) {
            return Cancelled::Removed;
        }
        let Some((claim, first)) = request(&record, why) else { return Cancelled::AlreadyFinished };
        if first {
            effects.cancel_children(&record.lock().progress);
            if let Some(instance) = state.instances.get(&claim.instance) {
                instance.lock().signal(Signal::Cancel(claim, why), &mut effects.wakes);
            }
        }
        drop(state);
        Cancelled::Requested
    }
}

/// Notes in the record that a running task is to stop, and whether that is news. `None` if it has
/// ended.
fn request(record: &Record, why: CancelReason) -> Option<(Claim, bool)> {
    let mut state = record.lock();
    if state.progress.status != TaskStatus::Processing {
        return None;
    }
    let first = state.cancel.is_none();
    state.cancel.get_or_insert(why);
    let instance = state.progress.instance?;
    Some((Claim { task: record.task.id, instance, delivery: state.progress.delivery }, first))
}
