use std::sync::Arc;

use rhai_dispatcher_core::Finished;
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::batcher::Batcher;
use crate::caller::Caller;
use crate::client::{Endpoint, Link};
use crate::config::RedisConfig;
use crate::finishes::{self, FinishOne};
use crate::inbox::Inbox;
use crate::submits::{self, Accepted, Submit};

/// What runs on the bridge for a handle, from the first call on.
#[derive(Debug)]
pub(crate) struct Pumps {
    pub(crate) submits: Batcher<Submit, Accepted>,
    pub(crate) finishes: Arc<Batcher<FinishOne, Finished>>,
    pub(crate) inbox: Arc<Inbox>,
}

impl Pumps {
    pub(crate) fn start(
        bridge: &TokioBridge,
        caller: &Arc<Caller>,
        endpoint: &Endpoint,
        config: &RedisConfig,
    ) -> Self {
        let limit = config.transport.queue_limit;
        let submitter = Arc::clone(caller);
        let finisher = Arc::clone(caller);
        let link = Link::new(endpoint.clone());
        let inbox = Arc::new(Inbox::new(Arc::clone(caller), link, config.recheck_interval));
        bridge.spawn(Arc::clone(&inbox).read());
        bridge.spawn(Arc::clone(&inbox).check());
        Self {
            submits: Batcher::spawn(bridge, move |batch| {
                submits::submit(Arc::clone(&submitter), limit, batch)
            }),
            finishes: Arc::new(Batcher::spawn(bridge, move |batch| {
                finishes::finish(Arc::clone(&finisher), batch)
            })),
            inbox,
        }
    }
}

impl Drop for Pumps {
    fn drop(&mut self) {
        self.inbox.waits.close();
    }
}
