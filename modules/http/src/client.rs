use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use reqwest::redirect;
use rhai_dispatcher_tokio_bridge::TokioBridge;
use tokio::task::JoinHandle;

use crate::buffers::Buffers;
use crate::exchange::Exchange;
use crate::policy::Policy;
use crate::resolver::GuardedResolver;
use crate::{HttpConfig, HttpError, HttpErrorKind, HttpRequest, HttpResponse, tls};

/// Makes calls over HTTP/1.1, from any thread and under any executor. Clones share connections.
///
/// It uses no proxy of the environment, keeps no cookies, and connects only to addresses that its
/// configuration leaves open.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
    bridge: TokioBridge,
}

pub(crate) struct Inner {
    pub(crate) config: HttpConfig,
    pub(crate) policy: Arc<Policy>,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) client: reqwest::Client,
}

impl HttpClient {
    /// A client that works on the bridge's thread.
    ///
    /// # Errors
    /// If the system's TLS can't be set up.
    pub fn new(config: HttpConfig, bridge: TokioBridge) -> Result<Self, HttpError> {
        let broken = |error: &dyn fmt::Display| {
            HttpError::new(HttpErrorKind::Connect, format!("TLS can't be set up: {error}"))
        };
        let policy = Arc::new(Policy::new(config.allowed_hosts.clone()));
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config().map_err(|error| broken(&error))?)
            .dns_resolver(GuardedResolver::new(Arc::clone(&policy), config.max_lookups))
            .http1_only()
            .http1_max_headers(config.max_headers)
            .no_proxy()
            .referer(false)
            // Redirects and retries are ours: each address is checked, and secrets stay where they are.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("rhai-dispatcher/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .pool_max_idle_per_host(config.max_idle_per_host)
            .pool_idle_timeout(config.idle_timeout)
            .build()
            .map_err(|error| broken(&error))?;
        let buffers = Arc::new(Buffers::new(config.max_buffered_bytes));
        Ok(Self { inner: Arc::new(Inner { config, policy, buffers, client }), bridge })
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &HttpConfig {
        &self.inner.config
    }

    /// Makes a call. Dropping the future ends it, with its connection.
    ///
    /// # Errors
    /// If there is no answer; see [`HttpErrorKind`]. An answer with a status such as 404 is no error.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let origin = request.origin();
        let exchange = Exchange::new(Arc::clone(&self.inner), request)?;
        let task = AbortOnDrop(self.bridge.handle().spawn(exchange.run()));
        match task.await {
            Ok(answer) => answer,
            // The runtime ended, or the client panicked.
            Err(_) => Err(HttpError::new(HttpErrorKind::Network, "the call was given up").at(&origin)),
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

/// A task of tokio's that ends with whoever waits for it.
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
