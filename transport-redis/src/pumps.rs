use std::sync::{Arc, mpsc};
use std::time::Duration;

use rhai_dispatcher_core::{Finished, TransportConfig};
use rhai_dispatcher_tokio_bridge::TokioBridge;
use tokio::time::timeout;

use crate::batcher::Batcher;
use crate::caller::Caller;
use crate::client::Network;
use crate::config::RedisConfig;
use crate::finishes::{self, FinishOne};
use crate::inbox::Inbox;
use crate::submits::{self, Accepted, Limits, Submit};

/// What runs on the bridge for a handle, from the first call on.
#[derive(Debug)]
pub(crate) struct Pumps {
    pub(crate) submits: Batcher<Submit, Accepted>,
    pub(crate) finishes: Arc<Batcher<FinishOne, Finished>>,
    pub(crate) inbox: Arc<Inbox>,
    bridge: TokioBridge,
}

/// How long the end of a handle may last. It takes one command; if that is not answered, what it
/// would have done comes with time.
const FAREWELL: Duration = Duration::from_millis(50);

impl Pumps {
    pub(crate) fn start(
        bridge: &TokioBridge,
        caller: &Arc<Caller>,
        network: &Network,
        config: &RedisConfig,
    ) -> Self {
        let TransportConfig { queue_limit, max_children, .. } = config.transport;
        let limits = Limits { queue: queue_limit, children: max_children };
        let problem = |caller: &Arc<Caller>| {
            let caller = Arc::clone(caller);
            move || caller.last_error()
        };
        let submitter = Arc::clone(caller);
        let finisher = Arc::clone(caller);
        let link = network.link(config.patience());
        let inbox = Arc::new(Inbox::new(Arc::clone(caller), link, config.recheck_interval));
        bridge.spawn(Arc::clone(&inbox).read());
        bridge.spawn(Arc::clone(&inbox).check());
        Self {
            submits: Batcher::spawn(bridge, config.call_timeout, problem(caller), move |batch| {
                submits::submit(Arc::clone(&submitter), limits, batch)
            }),
            finishes: Arc::new(Batcher::spawn(bridge, config.call_timeout, problem(caller), move |batch| {
                finishes::finish(Arc::clone(&finisher), batch)
            })),
            inbox,
            bridge: bridge.clone(),
        }
    }
}

impl Drop for Pumps {
    /// Nobody waits any more: takes the inbox along.
    fn drop(&mut self) {
        self.inbox.waits.close();
        if !self.inbox.is_to_be_deleted() {
            return;
        }
        let (inbox, bridge) = (Arc::clone(&self.inbox), self.bridge.clone());
        let (done, ended) = mpsc::channel::<()>();
        self.bridge.spawn(async move {
            let _ = timeout(FAREWELL, inbox.delete()).await;
            drop((done, bridge)); // the thread lives for as long as this
        });
        // A process that ends now would take the thread with it.
        if !self.bridge.is_driven_here() {
            let _ = ended.recv_timeout(FAREWELL);
        }
    }
}
