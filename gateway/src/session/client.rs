use std::net::IpAddr;

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
}

impl Client {
    /// The context of one of its requests.
    pub(super) fn context(&self, is_notification: bool) -> CallContext {
        CallContext {
            core: self.core.clone(),
            identity: self.identity.clone(),
            address: self.address,
            keep: self.keep,
            is_notification,
            is_socket: self.is_socket,
        }
    }
}
