use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{Invalid, WorkerId};
use rhai_dispatcher_redis::{RedisCommands, RedisTransport};
use tokio::time::timeout;

use super::ListBridgeConfig;
use super::bridge_core::{BridgeCore, Stage};
use super::renew::renew;
use super::take_loop::TakeLoop;
use crate::ListId;
use crate::store::{QueueStore, TaskStore};

/// Serves the list protocol for one worker id: what clients push to its list is submitted to the dispatcher, and the
/// outcomes go back to the clients. Workers of that worker id run the tasks.
///
/// Any number of bridges may serve one worker id. Each id is answered once, although bridges die: another one takes over
/// the ids of a dead bridge when its lease is over.
#[derive(Debug)]
pub struct ListBridge {
    transport: RedisTransport,
    worker_id: WorkerId,
    config: ListBridgeConfig,
}

/// A bridge that serves. When it is dropped it ends without a word, and its lease ends it for the others.
#[derive(Debug)]
pub struct RunningListBridge {
    bridge: Arc<BridgeCore>,
    commands: RedisCommands,
}

/// How long a bridge that drains waits for outcomes that are on their way.
const SETTLE: Duration = Duration::from_millis(500);

impl ListBridge {
    /// A bridge over the server of `transport`, with its prefix.
    ///
    /// # Errors
    /// [`Invalid`] naming the setting that makes no sense; or `worker_id`, if its list would have the name of a key of the
    /// dispatcher.
    pub fn new(
        transport: &RedisTransport,
        worker_id: WorkerId,
        config: ListBridgeConfig,
    ) -> Result<Self, Invalid> {
        config.check()?;
        if ListId::RESERVED.contains(&worker_id.as_str()) {
            let problem =
                format!("the key of the dispatcher with the name {worker_id} is not a list of clients");
            return Err(Invalid::new("worker_id", problem, "serve another worker id"));
        }
        Ok(Self { transport: transport.clone(), worker_id, config })
    }

    /// Begins to serve, on the thread of the transport. While the server is away the bridge tries again.
    #[must_use = "a bridge that is dropped ends"]
    pub fn start(self) -> RunningListBridge {
        let Self { transport, worker_id, config } = self;
        let commands = transport.commands();
        let queue = QueueStore::new(&commands, &worker_id, config.lease);
        let tasks = TaskStore::new(commands.clone(), config.field_limits());
        let bridge = BridgeCore::new(worker_id, config, Arc::new(transport), queue, tasks);
        let bridge = Arc::new(bridge);
        commands.bridge().spawn(renew(Arc::clone(&bridge)));
        commands.bridge().spawn(TakeLoop::new(Arc::clone(&bridge)).run());
        RunningListBridge { bridge, commands }
    }
}

impl RunningListBridge {
    /// Takes no more ids. Those that it holds are served.
    pub fn stop_taking(&self) {
        self.bridge.advance(Stage::Draining);
    }

    /// How many ids it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bridge.held.count()
    }

    /// Ends the bridge: sends the replies of tasks that have ended, and puts the other ids back, for other bridges, which
    /// then wait for the same tasks. It takes half a second at most, and the time of a call to the server.
    ///
    /// # Cancellation
    /// Dropping the future ends the bridge by its lease.
    pub async fn drain(self) {
        self.stop_taking();
        let bridge = Arc::clone(&self.bridge);
        let drained = self.commands.bridge().run(async move {
            let _ = timeout(SETTLE, bridge.held.fewer_than(1)).await;
            bridge.advance(Stage::Ended);
            bridge.queue.detach().await
        });
        if let Ok(Err(error)) = drained.await {
            self.bridge.warn("its ids wait until its lease is over", error);
        }
    }
}

impl Drop for RunningListBridge {
    fn drop(&mut self) {
        self.bridge.advance(Stage::Ended);
    }
}
