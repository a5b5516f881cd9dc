//! A gateway before a worker over Redis, and clients of it through a network that fails.

use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher::handlers::MethodHandler;
use rhai_dispatcher::worker::RunningWorker;
use rhai_dispatcher::{RhaiDispatcher, RhaiWorker};
use rhai_dispatcher_gateway::{GatewayBuilder, GatewayConfig, GatewayError};
use rhai_dispatcher_gateway_client::{ClientConfig, GatewayClient, GatewayClientBuilder};
use rhai_dispatcher_test_redis::{FaultyProxy, RedisServer};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Limit on the wait for an expected event.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A worker `main` over Redis, and the gateway before it.
pub(crate) struct Site {
    pub(crate) dispatcher: RhaiDispatcher,
    /// The way to the gateway.
    pub(crate) network: FaultyProxy,
    /// Each permit lets one call of `test.gate` return.
    pub(crate) gate: Arc<Semaphore>,
    gateway: Option<Running>,
    config: GatewayConfig,
    _worker: RunningWorker,
    _redis: RedisServer,
}

struct Running {
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), GatewayError>>,
}

pub(crate) type More = dyn FnOnce(GatewayBuilder) -> GatewayBuilder;

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(GatewayConfig::default(), Box::new(|builder| builder)).await
    }

    pub(crate) async fn with(config: GatewayConfig, more: Box<More>) -> Self {
        let redis = RedisServer::start();
        let gate = Arc::new(Semaphore::new(0));
        let worker = RhaiWorker::builder("main").url(redis.url()).threads(2).handler(handler(&gate));
        let worker = worker.build().expect("a worker").start().await.expect("it starts");
        let dispatcher = RhaiDispatcher::builder().caller_id("tests").url(redis.url()).build();
        let dispatcher = dispatcher.expect("a dispatcher");
        until("the worker has announced its methods", || async {
            !dispatcher.get_handlers().await.expect("handlers").is_empty()
        })
        .await;
        let config = config
            .with_default_worker_id("main".parse().expect("an id"))
            .with_shutdown_grace(Duration::from_millis(50));
        // A port that no gateway listens on yet.
        let network = FaultyProxy::start(1);
        let mut site =
            Self { dispatcher, network, gate, gateway: None, config, _worker: worker, _redis: redis };
        site.start_gateway(more).await;
        site
    }

    /// Starts a gateway, to which the network leads from then on.
    pub(crate) async fn start_gateway(&mut self, more: Box<More>) {
        let builder = GatewayBuilder::new().dispatcher(self.dispatcher.clone()).config(self.config.clone());
        let gateway = more(builder).build().expect("a gateway");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(gateway.serve(listener, async { drop(stopped.await) }));
        self.network.set_target(port);
        self.gateway = Some(Running { stop, served });
    }

    /// Shuts the gateway down, and waits for its end.
    pub(crate) async fn stop_gateway(&mut self) {
        let Running { stop, served } = self.gateway.take().expect("a gateway");
        drop(stop);
        timeout(PATIENCE, served).await.expect("it ends").expect("no panic").expect("no error");
    }

    pub(crate) fn builder(&self, scheme: &str) -> GatewayClientBuilder {
        GatewayClientBuilder::new(format!("{scheme}://127.0.0.1:{}", self.network.port())).config(config())
    }

    /// A client over a WebSocket.
    pub(crate) async fn client(&self) -> GatewayClient {
        self.builder("ws").connect().await.expect("a client")
    }

    /// Waits until the worker runs so many tasks.
    pub(crate) async fn running(&self, count: usize) {
        let main = "main".parse().expect("an id");
        until("tasks run", || async {
            self.dispatcher.transport().queue(&main).await.expect("its queue").claimed == count
        })
        .await;
    }
}

/// With patience, and soon connected again.
pub(crate) fn config() -> ClientConfig {
    ClientConfig::default()
        .with_connect_timeout(PATIENCE)
        .with_min_reconnect_pause(Duration::from_millis(5))
        .with_max_reconnect_pause(Duration::from_millis(20))
}

/// Waits until `is_so`, which is asked again as long as it takes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let asked = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("in time: {what}"));
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Gate {
    value: i64,
}

fn handler(gate: &Arc<Semaphore>) -> MethodHandler {
    let gate = Arc::clone(gate);
    MethodHandler::new("test")
        .with_method("add", |Add { a, b }: Add| async move { Ok::<_, String>(a + b) })
        .with_method("fail", || async { Err::<(), _>("it failed") })
        .with_method("gate", move |Gate { value }: Gate| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.map_err(|error| error.to_string())?.forget();
                Ok::<_, String>(value)
            }
        })
}
