use std::sync::Arc;

use rhai_dispatcher_core::{InstanceInfo, Json, Priority, QueueInfo};

use super::effects::Effects;
use super::hub::Hub;
use crate::queue::{Instance, Queue};

impl Hub {
    /// How much waits in a queue, and who serves it.
    pub(crate) fn queue_info(&self, queue: &Queue) -> QueueInfo {
        let mut effects = Effects::new(self);
        let mut state = queue.lock();
        state.expire(&mut effects);
        let mut ready = [0; Priority::ALL.len()];
        for record in state.ready.iter().filter(|record| record.lock().is_pending()) {
            ready[record.task.priority as usize] += 1;
        }
        let delayed = state.later.len();
        QueueInfo {
            worker_id: queue.worker_id.clone(),
            ready,
            delayed,
            quarantined: state.quarantine.len(),
            claimed: state.instances.values().map(|instance| instance.lock().claims.len()).sum(),
            instances: state.instances.len(),
            paused: state.paused,
        }
    }

    /// The instances of a queue, in no order.
    pub(crate) fn instances_of(&self, queue: &Queue) -> Vec<InstanceInfo> {
        let (now, wall) = (self.tick(), self.config.clock.wall());
        let state = queue.lock();
        let info = |instance: &Arc<Instance>| {
            let held = instance.lock();
            InstanceInfo {
                instance: instance.id,
                worker_id: queue.worker_id.clone(),
                alive_until: wall + (held.alive_until - now),
                claimed: held.claims.len(),
                started_at: held.announced.began,
                description: held.announced.description.clone().map(Json::of_written),
                in_flight: held.announced.in_flight.clone(),
            }
        };
        state.instances.values().map(info).collect()
    }
}
