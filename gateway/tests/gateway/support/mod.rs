//! A gateway before workers in this process, and clients of its sockets.

mod http;
mod socket;
mod spec_worker;

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher::handlers::MethodHandler;
use rhai_dispatcher::transport::{MemoryConfig, MemoryTransport, Transport};
use rhai_dispatcher::worker::RunningWorker;
use rhai_dispatcher::{RhaiDispatcher, RhaiWorker, TaskId, TaskStatus};
use rhai_dispatcher_gateway::{GatewayBuilder, GatewayConfig, GatewayError};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) use http::{Http, Response};
pub(crate) use socket::{Closing, Socket};

/// Limit on the wait for an expected event.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any test.
pub(crate) const NEVER: Duration = Duration::from_secs(60 * 60);

/// A gateway that serves, with a worker `main` that runs scripts and has the handler `test`, and a worker `spec` with the
/// methods of the specification's examples.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    /// Beside the gateway, to look at its tasks.
    pub(crate) dispatcher: RhaiDispatcher,
    shutdown: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), GatewayError>>,
    workers: Vec<RunningWorker>,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(GatewayConfig::default()).await
    }

    pub(crate) async fn with(config: GatewayConfig) -> Self {
        Self::build(config, |builder| builder).await
    }

    pub(crate) async fn build(
        config: GatewayConfig,
        more: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> Self {
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
        Self::over(transport, config, more).await
    }

    pub(crate) async fn over(
        transport: Arc<dyn Transport>,
        mut config: GatewayConfig,
        more: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> Self {
        let main = RhaiWorker::builder("main").transport(transport.clone()).threads(2).handler(handler());
        let main = main.build().expect("a worker").start().await.expect("it starts");
        let spec = spec_worker::start(transport.clone()).await;
        let dispatcher = RhaiDispatcher::builder().caller_id("tests").transport(transport).build();
        let dispatcher = dispatcher.expect("a dispatcher");
        until("the workers have announced their methods", || async {
            dispatcher.get_handlers().await.expect("handlers").len() >= 2
        })
        .await;
        config.default_worker_id.get_or_insert_with(|| "main".parse().expect("an id"));
        let gateway = more(GatewayBuilder::new().dispatcher(dispatcher.clone()).config(config)).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (shutdown, stopped) = oneshot::channel::<()>();
        let gateway = gateway.expect("a gateway");
        let served = tokio::spawn(gateway.serve(listener, async { drop(stopped.await) }));
        Self { address, dispatcher, shutdown: Some(shutdown), served, workers: vec![main, spec] }
    }

    /// `POST /rpc` without a token.
    pub(crate) async fn rpc(&self, body: &str) -> Response {
        Box::pin(Http::connect(self.address).await.post("/rpc", body)).await
    }

    /// The answer to a request with the id 1.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.rpc(&request.to_string()).await.json()
    }

    pub(crate) async fn socket(&self) -> Socket {
        Socket::connect(self.address, "/ws", &[]).await.expect("a WebSocket")
    }

    /// How many tasks the worker `main` runs.
    pub(crate) async fn claimed(&self) -> usize {
        let main = "main".parse().expect("an id");
        self.dispatcher.transport().queue(&main).await.expect("its queue").claimed
    }

    /// Waits until a script of the audit log runs that was submitted last.
    pub(crate) async fn running_task(&self) -> TaskId {
        let found = Cell::new(None);
        until("a script runs", || async {
            let entries = self.call("audit.list", json!({ "limit": 1 })).await;
            let Some(id) = entries["result"][0]["target"].as_str() else { return false };
            let id = id.parse().expect("an id");
            found.set(Some(id));
            self.dispatcher.status(id).await.is_ok_and(|details| details.status == TaskStatus::Processing)
        })
        .await;
        found.get().expect("a task")
    }

    /// Begins to shut down.
    pub(crate) fn stop(&mut self) {
        drop(self.shutdown.take());
    }

    /// Waits until the gateway has ended.
    pub(crate) async fn ended(self) {
        timeout(PATIENCE, self.served).await.expect("it ends").expect("no panic").expect("no error");
        for worker in self.workers {
            worker.drain().await.expect("it drains");
        }
    }
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

pub(crate) fn handler() -> MethodHandler {
    MethodHandler::new("test")
        .with_description("Methods for tests.")
        .with_method("echo", |value: Value| async move { Ok::<_, String>(value) })
        .with_method("fail", || async { Err::<(), _>("it failed") })
}
