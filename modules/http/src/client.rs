use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rhai_dispatcher_tokio_bridge::TokioBridge;
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::client_core::ClientCore;
use crate::exchange::Exchange;
use crate::{HttpConfig, HttpError, HttpErrorKind, HttpRequest, HttpResponse};

/// Makes calls over HTTP/1.1, from any thread and under any executor. Clones share connections.
///
/// It ignores proxies that the environment names, keeps no cookies, and connects only to public addresses and to
/// the allowed hosts of its configuration.
#[derive(Clone)]
pub struct HttpClient {
    core: Arc<ClientCore>,
    bridge: TokioBridge,
}

impl HttpClient {
    /// A client that works on the bridge's thread.
    ///
    /// # Errors
    /// If the system's TLS can't be set up.
    pub fn new(config: HttpConfig, bridge: TokioBridge) -> Result<Self, HttpError> {
        Ok(Self { core: Arc::new(ClientCore::new(config)?), bridge })
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &HttpConfig {
        &self.core.config
    }

    /// Makes a call. Dropping the future ends it, with its connection.
    ///
    /// # Errors
    /// If the call gets no answer; see [`HttpErrorKind`]. An answer with a status such as 404 is not an error.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let origin = request.origin();
        let exchange = Exchange::new(Arc::clone(&self.core), request)?;
        let task = AbortOnDrop(self.bridge.handle().spawn(exchange.run().in_current_span()));
        match task.await {
            Ok(answer) => answer,
            // The runtime ended, or the client panicked.
            Err(_) => Err(HttpError::new(HttpErrorKind::Network, "the call was given up").at(&origin)),
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("config", &self.core.config).finish_non_exhaustive()
    }
}

/// A tokio task that is aborted when this handle is dropped.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
