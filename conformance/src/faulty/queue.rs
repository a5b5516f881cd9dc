//! Faults of `Transport::instances`, `queues` and `set_paused`

use std::sync::Mutex;

use async_trait::async_trait;
use rhai_dispatcher_core::{InstanceInfo, QueueInfo, Transport, TransportError, WorkerId};

use super::fault::{Fault, faults};

faults! {
    ListsTheDead => queue::instances_lists_the_living;
    Miscounts => queue::queues_count_their_tasks;
    TellsWhenItWasAsked => queue::queues_tell_the_oldest;
    ListsEmptiedQueues => queue::emptied_queue_is_not_listed;
    NeverPauses => pause::paused_queue_delivers_nothing;
    NeverResumes => pause::resumed_queue_wakes_its_claims;
}

/// Lists every instance that was listed before, also after its death.
#[derive(Debug, Default)]
struct ListsTheDead {
    seen: Mutex<Vec<InstanceInfo>>,
}

#[async_trait]
impl Fault for ListsTheDead {
    async fn instances(
        &self,
        of: &dyn Transport,
        worker_id: Option<&WorkerId>,
    ) -> Result<Vec<InstanceInfo>, TransportError> {
        let living = of.instances(None).await?;
        let mut seen = self.seen.lock().expect("no panic");
        for info in living {
            if seen.iter().all(|other| other.instance != info.instance) {
                seen.push(info);
            }
        }
        Ok(seen.iter().filter(|info| worker_id.is_none_or(|id| *id == info.worker_id)).cloned().collect())
    }
}

/// Tells that the oldest ready task of each queue was accepted when it was asked.
#[derive(Debug, Default)]
struct TellsWhenItWasAsked;

#[async_trait]
impl Fault for TellsWhenItWasAsked {
    async fn queues(&self, of: &dyn Transport) -> Result<Vec<QueueInfo>, TransportError> {
        let mut queues = of.queues().await?;
        for queue in queues.iter_mut().filter(|queue| queue.oldest_ready.is_some()) {
            queue.oldest_ready = Some(of.clock().wall());
        }
        Ok(queues)
    }
}

/// Counts delayed tasks as ready.
#[derive(Debug, Default)]
struct Miscounts;

#[async_trait]
impl Fault for Miscounts {
    async fn queues(&self, of: &dyn Transport) -> Result<Vec<QueueInfo>, TransportError> {
        let mut queues = of.queues().await?;
        for queue in &mut queues {
            queue.ready[1] += std::mem::take(&mut queue.delayed);
        }
        Ok(queues)
    }
}

/// Lists every queue that was listed before.
#[derive(Debug, Default)]
struct ListsEmptiedQueues {
    seen: Mutex<Vec<WorkerId>>,
}

#[async_trait]
impl Fault for ListsEmptiedQueues {
    async fn queues(&self, of: &dyn Transport) -> Result<Vec<QueueInfo>, TransportError> {
        let mut queues = of.queues().await?;
        let mut seen = self.seen.lock().expect("no panic");
        let listed = |queues: &[QueueInfo], id: &WorkerId| queues.iter().any(|queue| queue.worker_id == *id);
        let gone: Vec<_> = seen.iter().filter(|id| !listed(&queues, id)).cloned().collect();
        queues.extend(gone.into_iter().map(QueueInfo::empty));
        queues.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        *seen = queues.iter().map(|queue| queue.worker_id.clone()).collect();
        Ok(queues)
    }
}

/// Ignores a pause, so that the queue continues to deliver.
#[derive(Debug, Default)]
struct NeverPauses;

#[async_trait]
impl Fault for NeverPauses {
    async fn set_paused(
        &self,
        _on: &dyn Transport,
        _of: &WorkerId,
        _paused: bool,
    ) -> Result<(), TransportError> {
        Ok(())
    }
}

/// Ignores a resume, so that the queue stays paused.
#[derive(Debug, Default)]
struct NeverResumes;

#[async_trait]
impl Fault for NeverResumes {
    async fn set_paused(
        &self,
        on: &dyn Transport,
        of: &WorkerId,
        paused: bool,
    ) -> Result<(), TransportError> {
        if paused { on.set_paused(of, true).await } else { Ok(()) }
    }
}
