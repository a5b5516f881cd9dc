use rhai_dispatcher_core::{CancelReason, Cancelled, Claim, Signal, TaskId, TaskStatus};

use super::hub::Hub;
use crate::queue::Changes;
use crate::record::Record;

impl Hub {
    /// Cancels one task; what it dispatched is noted in `changes`. No lock may be held.
    pub(super) fn cancel_one(&self, id: TaskId, why: CancelReason, changes: &mut Changes<'_>) -> Cancelled {
        let Some(record) = self.record(id, || changes.tick()) else { return Cancelled::NotFound };
        let Some(queue) = self.existing_queue(&record.task.worker_id) else {
            return Cancelled::AlreadyFinished;
        };
        let mut state = queue.lock();
        if state.cancel_waiting(&record, why, changes) {
            return Cancelled::Removed;
        }
        let Some((claim, first)) = request(&record, why) else { return Cancelled::AlreadyFinished };
        if first {
            changes.cancel_children(&record.lock().progress);
            if let Some(instance) = state.instances.get(&claim.instance) {
                instance.lock().signal(Signal::Cancel(claim, why), &mut changes.wakes);
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
