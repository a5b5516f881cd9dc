use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::ErrorLog;
use tokio::sync::watch;

use super::{Endpoint, Link};

/// The server of a handle, and what the connections to it share.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(super) endpoint: Endpoint,
    /// Whether the server has to know WAITAOF.
    pub(super) needs_waitaof: bool,
    /// How often a connection was left because its server, or the way to it, is not what it was. All connections
    /// that are older than that are made again: what is wrong with one is wrong with the others, which may be idle
    /// or blocked and not find out by themselves.
    left: Arc<watch::Sender<u64>>,
    pub(crate) log: Arc<ErrorLog>,
}

impl Network {
    pub(crate) fn new(endpoint: Endpoint, needs_waitaof: bool) -> Self {
        Self { endpoint, needs_waitaof, left: Arc::new(watch::Sender::new(0)), log: Arc::default() }
    }

    /// A connection to it that is suspect if an answer takes longer than `patience`.
    pub(crate) fn link(&self, patience: Duration) -> Link {
        Link::new(self.clone(), patience)
    }

    /// How often connections were left, with what comes.
    pub(super) fn watch_left(&self) -> watch::Receiver<u64> {
        self.left.subscribe()
    }

    pub(super) fn left(&self) -> u64 {
        *self.left.borrow()
    }

    /// Notes that a connection was left that was made when connections had been left `before` times. Another one
    /// of that age may have been left already, for the same reason.
    pub(super) fn leave(&self, before: u64) {
        self.left.send_if_modified(|left| {
            let is_first = *left == before;
            *left += u64::from(is_first);
            is_first
        });
    }
}
