use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::routes::Routes;

/// How many connections are served at once; others wait in the backlog of the listening socket.
const MAX_CONNECTIONS: usize = 32;

/// How long a connection may last: one request and its answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// How large the head of a request may be, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The wait after an accept that failed, mostly for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Answers requests, until the future is dropped.
pub(super) async fn serve(listener: TcpListener, routes: Arc<Routes>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = connection(stream, Arc::clone(&routes));
                tokio::spawn(async move {
                    if timeout(CONNECTION_TIMEOUT, connection).await.is_err() {
                        tracing::debug!("a connection to the metrics endpoint was closed for its slowness");
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the metrics endpoint can't accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One request and its answer.
async fn connection(stream: TcpStream, routes: Arc<Routes>) {
    let answer = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, Infallible>(routes.answer(request.method(), request.uri().path()).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the metrics endpoint has failed");
    }
}
