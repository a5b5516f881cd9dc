use std::net::IpAddr;
use std::sync::Arc;

use rhai_dispatcher::transport::WallTime;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::audit::AuditEntry;
use crate::auth::Identity;
use crate::core::Core;

/// What a method knows of its call beside the parameters.
#[derive(Debug, Clone)]
pub(crate) struct CallContext {
    pub(crate) core: Core,
    pub(crate) identity: Identity,
    pub(crate) address: IpAddr,
    /// Whether the task of the call is kept when its client leaves.
    pub(crate) keep: bool,
    /// Whether the request is a notification, which is not waited for.
    pub(crate) is_notification: bool,
    /// Whether the client can be sent events.
    pub(crate) is_socket: bool,
    /// Room for reads, which the requests of the connection share.
    pub(crate) reads: Arc<Semaphore>,
}

impl CallContext {
    /// Waits for room to read records or a list; it is held until this is dropped. None that can happen: the room is never
    /// closed.
    pub(super) async fn read_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.reads.acquire().await.ok()
    }

    /// Adds to the audit log that the caller has done something.
    pub(super) async fn audit(&self, action: &str, target: Option<Arc<str>>, detail: Option<Arc<str>>) {
        let entry = AuditEntry {
            at: WallTime::now(),
            caller_id: Some(self.identity.caller_id().clone()),
            token_id: self.identity.token_id().cloned(),
            address: self.address,
            action: action.into(),
            target,
            detail,
        };
        self.core.audit.add(entry).await;
    }
}
