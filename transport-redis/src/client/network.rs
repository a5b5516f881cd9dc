use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fred::types::config::ServerConfig;
use rhai_dispatcher_core::ErrorLog;
use tokio::sync::{Mutex, watch};

use super::Endpoint;

/// The server of a handle, and what the connections to it share.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(super) endpoint: Endpoint,
    /// Whether the server has to know WAITAOF.
    pub(super) needs_waitaof: bool,
    /// The generation of connections. It ends when a connection was discarded because its server, or the way to it, is
    /// dead: all connections of the generation are then made again, since the others may be idle or blocked and not
    /// find out by themselves.
    generation: Arc<watch::Sender<u64>>,
    /// Whether a connection has been made: then the URL is right.
    was_reached: Arc<AtomicBool>,
    /// Held by the connection that asks the Sentinels, for all of them.
    asking: Arc<Mutex<()>>,
    pub(crate) log: Arc<ErrorLog>,
}

impl Network {
    pub(crate) fn new(endpoint: Endpoint, needs_waitaof: bool) -> Self {
        Self {
            endpoint,
            needs_waitaof,
            generation: Arc::new(watch::Sender::new(0)),
            was_reached: Arc::default(),
            asking: Arc::default(),
            log: Arc::default(),
        }
    }

    pub(super) fn was_reached(&self) -> bool {
        self.was_reached.load(Ordering::Relaxed)
    }

    pub(super) fn note_reached(&self) {
        self.was_reached.store(true, Ordering::Relaxed);
    }

    /// Waits until the Sentinels name another master than `server`. Without Sentinels it does not end.
    pub(super) async fn wait_for_switch(&self, server: &ServerConfig) {
        let Some(sentinels) = self.endpoint.sentinels() else { return future::pending().await };
        let _turn = self.asking.lock().await;
        sentinels.wait_for_switch(server, self.endpoint.timeout()).await;
    }

    /// The generation, with its changes.
    pub(super) fn watch_generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    pub(super) fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Ends generation `before`, unless it has ended: another of its connections may have been discarded for the same
    /// reason.
    pub(super) fn end_generation(&self, before: u64) {
        self.generation.send_if_modified(|generation| {
            let is_first = *generation == before;
            *generation += u64::from(is_first);
            is_first
        });
    }
}
