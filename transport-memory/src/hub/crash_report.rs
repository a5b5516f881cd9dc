use std::sync::Arc;

use rhai_dispatcher_core::{CrashReport, Requeued};

use super::effects::Effects;
use super::hub::Hub;
use crate::queue::Verdict;

impl Hub {
    /// Ends the instance of a process that has died.
    pub(crate) fn report_crash(self: &Arc<Self>, report: &CrashReport) -> Requeued {
        let queue = self.queue(&report.worker_id);
        let mut effects = Effects::new(self);
        let mut state = queue.lock();
        let Some(instance) = state.instances.remove(&report.instance) else { return Requeued::default() };
        let mut held = instance.lock();
        held.reported = true;
        let verdict = Verdict::of(report, &held);
        drop(held);
        let requeued = state.requeue_lost(&instance, &verdict, &mut effects);
        self.arm(&queue, &mut state);
        drop(state);
        requeued
    }
}
