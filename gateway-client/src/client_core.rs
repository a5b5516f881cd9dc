use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config::ClientConfig;
use crate::ids::Ids;
use crate::link::AnyLink;

/// What the clones of a client and its subscriptions share. The connection ends with the last of them.
pub(crate) struct ClientCore {
    pub(crate) link: AnyLink,
    pub(crate) config: ClientConfig,
    /// Room for calls.
    pub(crate) room: Semaphore,
    pub(crate) ids: Arc<Ids>,
    pub(crate) url: String,
}
