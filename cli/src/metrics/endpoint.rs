use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use futures::channel::oneshot;
use futures::future::{self, Either};
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::metrics::TransportMetrics;
use rhai_dispatcher::transport::Transport;
use rhai_dispatcher::worker::WorkerHealth;
use tokio::runtime::Builder;

use super::Recorder;
use super::health::HealthChecks;
use super::http::serve;
use super::routes::Routes;
use crate::error::CommandError;

/// The HTTP server of `--metrics`, on a thread of its own. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct MetricsEndpoint {
    address: SocketAddr,
    /// Dropped to end the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MetricsEndpoint {
    /// Serves on `listener` what `recorder` keeps, and the health of the worker.
    pub(crate) fn start(
        listener: TcpListener,
        recorder: Recorder,
        transport: Arc<dyn Transport>,
        worker_id: &WorkerId,
        worker: WorkerHealth,
    ) -> Result<Self, CommandError> {
        let queue = TransportMetrics::new(Arc::clone(&transport), worker_id.clone());
        let checks = HealthChecks { worker_id: worker_id.clone(), worker, transport };
        let routes = Arc::new(Routes { recorder, queue, checks });
        Self::spawn(listener, routes)
            .map_err(|source| CommandError::System { doing: "starting the server of --metrics", source })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    fn spawn(listener: TcpListener, routes: Arc<Routes>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            runtime.block_on(async move {
                let gathering = Arc::clone(&routes);
                tokio::spawn(async move { gathering.recorder.gather().await });
                let serving = Box::pin(serve(listener, routes));
                match future::select(serving, stopped).await {
                    Either::Left(((), _)) | Either::Right(_) => {}
                }
            });
        };
        let thread = thread::Builder::new().name("rhaid-metrics".into()).spawn(run)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for MetricsEndpoint {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // its panic has been printed
        }
    }
}
