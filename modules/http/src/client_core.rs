use std::fmt;
use std::sync::Arc;

use reqwest::redirect;

use crate::buffers::Buffers;
use crate::policy::Policy;
use crate::resolver::GuardedResolver;
use crate::{HttpConfig, HttpError, HttpErrorKind, tls};

/// The state that all calls of a client share.
pub(crate) struct ClientCore {
    pub(crate) config: HttpConfig,
    pub(crate) policy: Arc<Policy>,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) client: reqwest::Client,
}

impl ClientCore {
    /// # Errors
    /// If the system's TLS can't be set up.
    pub(crate) fn new(config: HttpConfig) -> Result<Self, HttpError> {
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
            // This module follows redirects and retries itself: it checks each address, and does not forward secrets.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("rhai-dispatcher/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .pool_max_idle_per_host(config.max_idle_per_host)
            .pool_idle_timeout(config.idle_timeout)
            .build()
            .map_err(|error| broken(&error))?;
        let buffers = Arc::new(Buffers::new(config.max_buffered_bytes));
        Ok(Self { config, policy, buffers, client })
    }
}
