use std::fmt::Display;
use std::sync::Arc;

use rhai_dispatcher_core::{ErrorLog, Transport, WorkerId};
use tokio::sync::watch;

use super::ListBridgeConfig;
use super::byte_budget::ByteBudget;
use super::held_ids::HeldIds;
use crate::store::{QueueStore, TaskStore};

/// What the parts of a running bridge share.
#[derive(Debug)]
pub(super) struct BridgeCore {
    pub(super) worker_id: WorkerId,
    pub(super) config: ListBridgeConfig,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) queue: QueueStore,
    pub(super) tasks: TaskStore,
    pub(super) held: HeldIds,
    /// Of the hashes of the ids that it holds.
    pub(super) bytes: ByteBudget,
    /// What it still does.
    pub(super) stage: watch::Sender<Stage>,
    log: ErrorLog,
}

/// What a bridge still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Everything.
    Serving,
    /// It takes no more ids, and answers those that it holds.
    Draining,
    /// Nothing.
    Ended,
}

impl BridgeCore {
    pub(super) fn new(
        worker_id: WorkerId,
        config: ListBridgeConfig,
        transport: Arc<dyn Transport>,
        queue: QueueStore,
        tasks: TaskStore,
    ) -> Self {
        let stage = watch::Sender::new(Stage::Serving);
        let (held, log) = (HeldIds::default(), ErrorLog::default());
        let bytes = ByteBudget::new(config.max_held_bytes);
        Self { worker_id, config, transport, queue, tasks, held, bytes, stage, log }
    }

    /// Goes to a later stage.
    pub(super) fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let is_later = *stage < to;
            *stage = to.max(*stage);
            is_later
        });
    }

    /// Waits until the bridge is at that stage or a later one.
    pub(super) async fn reach(&self, stage: Stage) {
        // The sender is part of this, so there is always an answer.
        let _ = self.stage.subscribe().wait_for(|current| *current >= stage).await;
    }

    /// Warns, of each kind once in a while.
    pub(super) fn warn(&self, kind: &str, problem: impl Display) {
        if let Some(left_out) = self.log.admit(kind) {
            tracing::warn!(left_out, worker_id = %self.worker_id, "the list protocol: {kind}: {problem}");
        }
    }
}
