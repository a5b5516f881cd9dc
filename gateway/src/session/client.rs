use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::auth::Identity;
use crate::core::Core;
use crate::method::CallContext;

/// The client at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) core: Core,
    pub(crate) identity: Identity,
    pub(crate) address: IpAddr,
    /// Whether the tasks of its calls are kept when it leaves.
    pub(crate) keep: bool,
    /// Whether it can be sent events.
    pub(crate) is_socket: bool,
    /// Room for the reads of its requests.
    reads: Arc<Semaphore>,
}

impl Client {
    pub(crate) fn new(core: Core, identity: Identity, address: IpAddr) -> Self {
        // What is read is as long as what tasks have put out.
        let reads =
            Arc::new(Semaphore::new(core.config.max_reads_per_connection.min(Semaphore::MAX_PERMITS)));
        Self { core, identity, address, keep: false, is_socket: false, reads }
    }

    /// That of a WebSocket.
    pub(crate) fn over_socket(mut self, keep: bool) -> Self {
        (self.is_socket, self.keep) = (true, keep);
        self
    }

    /// The context of one of its requests.
    pub(super) fn context(&self, is_notification: bool) -> CallContext {
        CallContext {
            core: self.core.clone(),
            identity: self.identity.clone(),
            address: self.address,
            keep: self.keep,
            is_notification,
            is_socket: self.is_socket,
            reads: Arc::clone(&self.reads),
        }
    }
}
