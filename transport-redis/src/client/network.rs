use std::sync::Arc;

use rhai_dispatcher_core::ErrorLog;
use tokio::sync::watch;

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
    pub(crate) log: Arc<ErrorLog>,
}

impl Network {
    pub(crate) fn new(endpoint: Endpoint, needs_waitaof: bool) -> Self {
        Self { endpoint, needs_waitaof, generation: Arc::new(watch::Sender::new(0)), log: Arc::default() }
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
