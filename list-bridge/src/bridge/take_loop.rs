use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_redis::ClientError;
use tokio::time::sleep;

use super::bridge_core::{BridgeCore, Stage};
use super::held_ids::Taken;
use super::held_task::HeldTask;

/// Takes ids from the queue, as many as the bridge may hold, and begins to serve them.
pub(super) struct TakeLoop {
    bridge: Arc<BridgeCore>,
    /// An answer may have been lost, and with it ids that were taken.
    is_recovery_due: bool,
    pause: Duration,
}

/// The shortest and longest pause after an error.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

impl TakeLoop {
    pub(super) fn new(bridge: Arc<BridgeCore>) -> Self {
        Self { bridge, is_recovery_due: false, pause: BACKOFF.0 }
    }

    pub(super) async fn run(mut self) {
        let bridge = Arc::clone(&self.bridge);
        tokio::select! {
            () = self.take_all() => {}
            () = bridge.reach(Stage::Draining) => bridge.queue.end_wait(),
        }
    }

    async fn take_all(&mut self) {
        loop {
            match self.take_some().await {
                Ok(()) => self.pause = BACKOFF.0,
                Err(error) => {
                    self.is_recovery_due = true;
                    self.bridge.warn("no id was taken", error);
                    sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(BACKOFF.1);
                }
            }
        }
    }

    async fn take_some(&mut self) -> Result<(), ClientError> {
        let BridgeCore { queue, held, config, .. } = &*self.bridge;
        held.fewer_than(config.max_held).await;
        // Behind those that wait for it: other bridges may have room for what this one can't read.
        drop(self.bridge.bytes.take(1).await);
        if self.is_recovery_due {
            // Before the question: an id that it holds may be struck off until the answer.
            let known = held.ids();
            self.recover(&known, queue.held().await?);
            self.is_recovery_due = false;
            return Ok(());
        }
        let mut ids = queue.take(config.max_held.saturating_sub(held.count())).await?;
        if ids.is_empty() {
            ids.extend(queue.wait().await?);
        }
        ids.into_iter().for_each(|id| self.begin(id));
        Ok(())
    }

    /// Begins to serve the ids on the bridge's list that it did not know of.
    fn recover(&self, known: &HashSet<Bytes>, listed: Vec<Bytes>) {
        let mut seen = HashSet::new();
        for id in listed {
            let is_first = seen.insert(id.clone());
            if is_first && known.contains(&id) {
                continue;
            }
            // One that was pushed twice and has been answered meanwhile was answered for both.
            if is_first || self.bridge.held.contains(&id) {
                self.begin(id);
            } else {
                self.strike_off(id, false);
            }
        }
    }

    fn begin(&self, id: Bytes) {
        let bridge = Arc::clone(&self.bridge);
        match bridge.held.take(&id) {
            Taken::New => drop(tokio::spawn(HeldTask { bridge, id }.serve())),
            Taken::Again => {}
            Taken::Twice => self.strike_off(id, true),
        }
    }

    /// Strikes off an id once; `only_repeat`: if it stands on the list twice.
    fn strike_off(&self, id: Bytes, only_repeat: bool) {
        let bridge = Arc::clone(&self.bridge);
        tokio::spawn(async move {
            let queue = &bridge.queue;
            let struck = match only_repeat {
                true => queue.strike_off_repeat(&id).await,
                false => queue.strike_off(&id).await.map(drop),
            };
            // If it fails, the next bridge finds the id, and its outcome.
            if let Err(error) = struck {
                bridge.warn("an id stays", error);
            }
        });
    }
}
