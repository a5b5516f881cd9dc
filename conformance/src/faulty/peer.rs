use std::fmt;
use std::sync::Arc;

use rhai_dispatcher_core::{Consumer, Transport, WorkerId};

/// The view of an instance for its fault: the real consumer and transport.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) consumer: Arc<dyn Consumer>,
    pub(super) worker_id: WorkerId,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Peer").field(&self.consumer.instance()).finish()
    }
}
