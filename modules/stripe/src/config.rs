use std::time::Duration;

use rhai_dispatcher_engine::Secret;

/// The settings of calls to Stripe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StripeConfig {
    /// Where Stripe is; `https://api.stripe.com`. Another one, such as a test server's, may have any
    /// address, because the worker sets it and not a script.
    pub base_url: String,
    /// The version of Stripe's interface that calls request; `2025-03-31.basil`.
    pub version: String,
    /// The key that each task starts with; not set by default. `configure_stripe` sets another key for its task.
    pub key: Option<Secret>,
    /// Timeout of a call, its retries and its wait for a free slot included; 30 s.
    pub timeout: Duration,
    /// How often a call is retried when Stripe can't be reached or is overloaded; 2.
    pub retries: u32,
    /// The pause before the first retry; it doubles with each; 500 ms.
    pub backoff: Duration,
    /// Limit on concurrent calls, on all lanes together; 100, which is about Stripe's limit for one account.
    /// Further calls wait.
    pub max_concurrent: usize,
}

impl Default for StripeConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.stripe.com".to_owned(),
            version: "2025-03-31.basil".to_owned(),
            key: None,
            timeout: Duration::from_secs(30),
            retries: 2,
            backoff: Duration::from_millis(500),
            max_concurrent: 100,
        }
    }
}

impl StripeConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`base_url`](Self::base_url).
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Sets [`version`](Self::version).
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets [`key`](Self::key).
    #[must_use]
    pub fn with_key(mut self, key: Secret) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`retries`](Self::retries).
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets [`backoff`](Self::backoff).
    #[must_use]
    pub fn with_backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets [`max_concurrent`](Self::max_concurrent).
    #[must_use]
    pub fn with_max_concurrent(mut self, max: usize) -> Self {
        self.max_concurrent = max;
        self
    }
}
