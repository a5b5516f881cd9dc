use std::sync::Arc;

use rhai_dispatcher_core::{InstanceInfo, Json, QueueInfo};

use super::effects::Effects;
use super::hub::Hub;
use crate::queue::{Instance, Queue};

impl Hub {
    /// How much waits in a queue, and who serves it.
    pub(crate) fn queue_info(&self, queue: &Queue) -> QueueInfo {
        let mut effects = Effects::new(self);
        let mut state = queue.lock();
        state.expire(&mut effects);
        let mut info = QueueInfo::empty(queue.worker_id.clone());
        for record in state.ready.iter() {
            if let Some(created_at) = record.lock().waits_as_accepted_at() {
                info.ready[record.task.priority as usize] += 1;
                let oldest = info.oldest_ready.map_or(created_at, |oldest| oldest.min(created_at));
                info.oldest_ready = Some(oldest);
            }
        }
        info.delayed = state.later.len();
        info.quarantined = state.quarantine.len();
        info.claimed = state.instances.values().map(|instance| instance.lock().claims.len()).sum();
        info.instances = state.instances.len();
        info.paused = state.paused;
        info
    }

    /// The instances of a queue, in no order.
    pub(crate) fn instances_of(&self, queue: &Queue) -> Vec<InstanceInfo> {
        let (now, wall) = (self.tick(), self.config.clock.wall());
        let state = queue.lock();
        let info = |instance: &Arc<Instance>| {
            let held = instance.lock();
            let alive_until = wall + (held.alive_until - now);
            let mut info = InstanceInfo::new(queue.worker_id.clone(), instance.id, alive_until);
            info.claimed = held.claims.len();
            info.started_at = held.announced.began;
            info.description = held.announced.description.clone().map(Json::of_written);
            info.in_flight = held.announced.in_flight.clone();
            info
        };
        state.instances.values().map(info).collect()
    }
}
