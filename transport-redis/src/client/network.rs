use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fred::types::config::ServerConfig;
use rhai_dispatcher_core::ErrorLog;
use tokio::sync::{Mutex, Notify, watch};

use super::Endpoint;

/// A server of a handle, and what the connections to it share.
#[derive(Debug)]
pub(crate) struct Network {
    pub(super) endpoint: Endpoint,
    pub(super) demands: Demands,
    /// Told when the server seems to be away: in a cluster, another may have its slots then.
    trouble: Arc<Notify>,
    /// Whether it has come to a cluster that was known: connections to it take the place of others.
    pub(super) came_later: bool,
    /// Whether it is of the cluster no more.
    left: AtomicBool,
    /// The generation of connections. It ends when a connection was discarded because its server, or the way to it, is
    /// dead: all connections of the generation are then made again, since the others may be idle or blocked and not
    /// find out by themselves.
    generation: watch::Sender<u64>,
    /// Whether a connection has been made: then the URL is right.
    was_reached: AtomicBool,
    /// Held by the connection that asks the Sentinels, for all of them.
    asking: Mutex<()>,
    pub(crate) log: Arc<ErrorLog>,
}

/// What a server has to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demands {
    /// Whether it has to know WAITAOF.
    pub(super) waitaof: bool,
    /// Whether it has to be of a cluster, which it may not be otherwise.
    pub(super) cluster: bool,
}

impl Network {
    pub(super) fn new(
        endpoint: Endpoint,
        demands: Demands,
        trouble: Arc<Notify>,
        log: Arc<ErrorLog>,
    ) -> Self {
        Self {
            endpoint,
            demands,
            trouble,
            came_later: false,
            left: AtomicBool::default(),
            generation: watch::Sender::new(0),
            was_reached: AtomicBool::default(),
            asking: Mutex::default(),
            log,
        }
    }

    pub(super) fn was_reached(&self) -> bool {
        self.was_reached.load(Ordering::Relaxed)
    }

    pub(super) fn note_reached(&self) {
        self.was_reached.store(true, Ordering::Relaxed);
    }

    pub(super) fn that_came_later(self) -> Self {
        Self { came_later: true, ..self }
    }

    /// Notes that it is of the cluster no more: its connections end, and no others are made.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
        self.end_generation(self.generation());
    }

    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Notes that the server seems to be away.
    pub(super) fn note_trouble(&self) {
        self.trouble.notify_one();
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
