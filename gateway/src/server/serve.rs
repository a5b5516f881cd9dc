use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::Layer;
use tower::util::MapRequestLayer;

use super::gate::{Gate, GatePermit};
use super::write_timeout::WriteTimeout;
use crate::core::{Core, Phase};
use crate::metrics::count_limit;

/// The pause of the accept loop after a failed accept, for example when the process has reached its limit of open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `shutdown` resolves; then lets calls end within the grace period.
pub(crate) async fn serve(
    listener: TcpListener,
    core: Core,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) {
    let _closing = ClosedOnDrop(core.clone());
    let (gate, mut living) = Gate::new(&core.config, core.traffic.connections.clone());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => match gate.enter(peer) {
                Ok(permit) => {
                    drop(connections.spawn(connection(stream, peer, permit, core.clone(), router.clone())));
                }
                // It is closed; what does not fit into its buffer is not sent.
                Err(full) => {
                    count_limit(full.limit());
                    drop(stream.try_write(full.answer()));
                }
            },
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(PAUSE).await;
            }
        }
    }
    drop((listener, gate));
    core.phase.send_replace(Phase::Draining);
    // Nothing is sent: it ends with the last connection.
    if timeout(core.config.shutdown_grace, living.recv()).await.is_err() {
        tracing::warn!("connections are closed with their calls: the grace period is over");
        core.phase.send_replace(Phase::Closed);
        connections.shutdown().await;
        living.recv().await;
    }
}

/// Closes what is left, also when the future of the gateway is dropped.
struct ClosedOnDrop(Core);

impl Drop for ClosedOnDrop {
    fn drop(&mut self) {
        self.0.phase.send_replace(Phase::Closed);
    }
}

/// The longest head of a request, in bytes. It is kept before it is known who sends it, by as many connections as there may be.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Whether a connection uses TLS: an extension of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IsTls(pub(crate) bool);

async fn connection(stream: TcpStream, peer: SocketAddr, permit: GatePermit, core: Core, router: Router) {
    // Answers are small, and each is waited for.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection has gone");
        return;
    }
    hold_little(&stream);
    let Some(tls) = &core.tls else { return http(stream, peer, permit, IsTls(false), &core, router).await };
    match timeout(core.config.header_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => http(stream, peer, permit, IsTls(true), &core, router).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS was not agreed on"),
        Err(_) => tracing::debug!(%peer, "TLS was not agreed on in time"),
    }
}

/// Lets the system take little more than it can send. It would take megabytes, and let more in only once a third of them has
/// gone: a client that reads over a slow link would seem to read nothing meanwhile, and be closed after `write_timeout`.
fn hold_little(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        const BYTES: u32 = 128 * 1024;
        if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(BYTES) {
            tracing::debug!(%error, "a connection keeps its buffers");
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    permit: GatePermit,
    is_tls: IsTls,
    core: &Core,
    router: Router,
) {
    let with_peer = MapRequestLayer::new(move |mut request: axum::extract::Request<_>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(permit.clone());
        request.extensions_mut().insert(is_tls);
        request
    });
    let service = TowerToHyperService::new(with_peer.layer(router));
    let stream = WriteTimeout::new(stream, core.config.write_timeout);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(core.config.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = core.reached(Phase::Draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%peer, %error, "a connection ended");
    }
}
