use std::sync::Arc;

use rhai_dispatcher_core::TransportConfig;
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::batch::Batcher;
use crate::cancel::keep_cancelling_orphans;
use crate::client::{Links, Servers};
use crate::config::RedisConfig;
use crate::events::EventReader;
use crate::finish::{Finisher, end_finish, finish};
use crate::listing::QueueNames;
use crate::script::ScriptCaller;
use crate::submit::{ChildNotes, Submitter, submit};
use crate::wait::{Checker, Inbox};

/// The tasks that run on the bridge for a handle, from its first call on.
#[derive(Debug)]
pub(crate) struct BackgroundTasks {
    pub(crate) submitter: Submitter,
    pub(crate) finisher: Arc<Finisher>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) events: Arc<EventReader>,
}

/// How many messages wait for the inbox. Each has the outcomes of up to 128 tasks; one that is behind by more reads the
/// records instead.
const INBOX_MESSAGES: usize = 512;

/// How many messages that a stream has new entries wait for their reader. One that is behind by more reads all streams.
const EVENT_MESSAGES: usize = 256;

impl BackgroundTasks {
    pub(crate) fn start(
        bridge: &TokioBridge,
        caller: &Arc<ScriptCaller>,
        writes: &Arc<ScriptCaller>,
        servers: &Servers,
        queue_names: &Arc<QueueNames>,
        config: &RedisConfig,
    ) -> Self {
        let TransportConfig { queue_limit, max_children, .. } = config.transport;
        let problem = |caller: &Arc<ScriptCaller>| {
            let caller = Arc::clone(caller);
            move || caller.last_error()
        };
        let links = Links::with_messages(servers, INBOX_MESSAGES, config.patience());
        let inbox = Arc::new(Inbox::new(Arc::clone(caller), links));
        bridge.spawn(Arc::clone(&inbox).read());
        let links = Links::with_messages(servers, EVENT_MESSAGES, config.patience());
        let handle_id = String::from_utf8_lossy(&inbox.id).into_owned();
        let events = Arc::new(EventReader::new(Arc::clone(caller), links, &handle_id));
        bridge.spawn(Arc::clone(&events).read());
        bridge.spawn(keep_cancelling_orphans(Arc::clone(caller)));
        let checker = Checker::new(&inbox, config.recheck_interval);
        bridge.spawn(checker.run());
        let (submitting, names) = (Arc::clone(writes), Arc::clone(queue_names));
        let finishing = Arc::clone(writes);
        let submits = Batcher::spawn(
            bridge,
            config.call_timeout,
            problem(writes),
            move |batch| submit(Arc::clone(&submitting), Arc::clone(&names), queue_limit, batch),
            |item, error| item.answer(Err(error)),
        );
        let finishes = Batcher::spawn(
            bridge,
            config.call_timeout,
            problem(writes),
            move |batch| finish(Arc::clone(&finishing), batch),
            |item, error| end_finish(item, Err(error)),
        );
        Self {
            submitter: Submitter {
                batcher: submits,
                children: ChildNotes::new(bridge, caller, config.call_timeout, max_children),
                max_children,
                waits: Arc::clone(&inbox.waits),
                inbox_id: inbox.id.clone(),
                max_task_bytes: config.max_task_bytes,
                awaited_limit: config.awaited_limit,
                cluster_prefix: servers.is_cluster().then(|| config.prefix.clone()),
            },
            finisher: Arc::new(Finisher::new(finishes)),
            inbox,
            events,
        }
    }
}

impl Drop for BackgroundTasks {
    fn drop(&mut self) {
        self.inbox.waits.close();
        self.events.close();
    }
}
