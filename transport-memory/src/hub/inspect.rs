use rhai_dispatcher_core::{Claim, Inquiry, InspectError, PendingInquiry, Signal, TaskId, TaskStatus, Uuid};

use super::effects::Effects;
use super::hub::Hub;

impl Hub {
    /// Asks the instance that runs a task what the run does. No lock may be held.
    pub(crate) fn inspect(&self, id: TaskId) -> Result<PendingInquiry, InspectError> {
        let mut effects = Effects::new(self);
        let record = self.record(id, || effects.tick()).ok_or(InspectError::NotFound(id))?;
        let state = record.lock();
        let (status, instance) = (state.progress.status, state.progress.instance);
        let delivery = state.progress.delivery;
        drop(state);
        let instance = match (status, instance) {
            (TaskStatus::Processing, Some(instance)) => instance,
            _ => return Err(InspectError::NotRunning { task: id, status }),
        };
        // An instance without a queue, or that is not in it, has just lost its tasks.
        let queue = self.existing_queue(&record.task.worker_id).ok_or(InspectError::Changing(id))?;
        let instance = queue.lock().instances.get(&instance).cloned().ok_or(InspectError::Changing(id))?;
        let pending = self.inquiries.begin();
        let claim = Claim { task: id, instance: instance.id, delivery };
        let inquiry = Inquiry { claim, asker: Uuid::nil(), number: pending.number() };
        instance.lock().signal(Signal::Inspect(inquiry), &mut effects.wakes);
        Ok(pending)
    }
}
