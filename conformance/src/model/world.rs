use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{InstanceId, Transport, TransportConfig, WorkerId};

/// Where one history is played: a store in which its two worker ids are new.
#[async_trait(?Send)]
pub trait World {
    /// Opens the transport; called once. Worlds that share a store have one config.
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport>;

    /// The worker ids.
    fn worker_ids(&self) -> [WorkerId; 2];

    /// Lets time pass. `None` if it can't: then time stands still for the model, a history has only times of zero and
    /// such that never come, and leases are [ended](Self::end_lease).
    fn elapse(&self) -> Option<&dyn Fn(Duration)>;

    /// Ends the lease of an instance, as if it had run out, and lets the transport notice. Called only if time stands
    /// still.
    async fn end_lease(&self, worker_id: &WorkerId, instance: InstanceId);

    /// Lets what is to happen at once happen: a claim gets an answer if there is one, and a time of zero is over.
    async fn settle(&self);

    /// Waits until an instance of that worker id has a credit, or until none has: a claim that gets nothing waits with
    /// one, and keeps it for a while. Called only if time stands still.
    async fn wait_for_credit(&self, worker_id: &WorkerId, has: bool);
}
