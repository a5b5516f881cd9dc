use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher::{Invalid, RhaiDispatcher};
use tokio::sync::watch;

use crate::GatewayError;
use crate::audit::AuditLog;
use crate::auth::{Authenticator, TokenFile};
use crate::config::GatewayConfig;
use crate::core::{GatewayCore, Phase};
use crate::dashboard::Monitor;
use crate::gateway::Gateway;
use crate::method::BUILT_IN;
use crate::metrics::{CallMetrics, MetricsText, Traffic};
use crate::server::tls_acceptor;
use crate::withdrawals::Withdrawals;

/// Makes a [`Gateway`].
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it builds"]
pub struct GatewayBuilder {
    dispatcher: Option<RhaiDispatcher>,
    config: GatewayConfig,
    tokens: Option<TokenFile>,
    awaited_tokens: Option<TokenFile>,
    audit_file: Option<PathBuf>,
    tls: Option<(PathBuf, PathBuf)>,
    metrics_text: Option<MetricsText>,
}

impl GatewayBuilder {
    /// A builder in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the calls go through. Required. Its caller id is not used: each task has that of its token.
    pub fn dispatcher(mut self, dispatcher: RhaiDispatcher) -> Self {
        self.dispatcher = Some(dispatcher);
        self
    }

    /// The limits and settings. Default: [`GatewayConfig::default`].
    pub fn config(mut self, config: GatewayConfig) -> Self {
        self.config = config;
        self
    }

    /// How long calls may continue once the gateway shuts down: the field of the configuration, also if it was set.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.config.shutdown_grace = grace.max(Duration::from_millis(1));
        self
    }

    /// The tokens that requests need. Default: none; then the gateway listens on loopback addresses only.
    pub fn tokens(mut self, file: TokenFile) -> Self {
        self.tokens = Some(file);
        self
    }

    /// The file whose tokens requests need as soon as it exists: a gateway looks for it every second. Until then it has no
    /// tokens, and listens on loopback addresses only. Default: none. It has no effect beside [`tokens`](Self::tokens).
    pub fn tokens_once_made(mut self, file: TokenFile) -> Self {
        self.awaited_tokens = Some(file);
        self
    }

    /// The file of the audit log, with a line of JSON for each entry. Default: it is in memory only.
    pub fn audit_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.audit_file = Some(path.into());
        self
    }

    /// PEM files with the certificates, that of the server first, and with the private key. Default: no TLS.
    pub fn tls(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some((certificates.into(), key.into()));
        self
    }

    /// What `GET /metrics` answers: the text of a recorder of the crate `metrics` that was installed before. Default: none; then
    /// the status is 404.
    pub fn metrics(mut self, text: MetricsText) -> Self {
        self.metrics_text = Some(text);
        self
    }

    /// Checks the settings, and reads the files.
    ///
    /// # Errors
    /// [`Invalid`](GatewayError::Invalid), naming the setting; [`Tokens`](GatewayError::Tokens),
    /// [`Audit`](GatewayError::Audit) or [`Tls`](GatewayError::Tls) for a file.
    pub fn build(self) -> Result<Gateway, GatewayError> {
        self.config.check()?;
        let dispatcher = self.dispatcher.ok_or_else(|| {
            Invalid::new("dispatcher", "is missing", "give the dispatcher that calls go through")
        })?;
        let auth = match self.tokens {
            Some(file) => Authenticator::with_tokens(dispatcher.clone(), file, &self.config)?,
            None => Authenticator::open(dispatcher.clone(), self.awaited_tokens, &self.config)?,
        };
        let audit = match self.audit_file {
            Some(path) => AuditLog::open(path.clone(), &self.config)
                .map_err(|source| GatewayError::Audit { path, source })?,
            None => AuditLog::in_memory(&self.config),
        };
        let tls = self.tls.map(|(certificates, key)| tls_acceptor(&certificates, &key)).transpose()?;
        let (withdrawals, withdrawn) = Withdrawals::new();
        let (phase, _) = watch::channel(Phase::Serving);
        let core = GatewayCore {
            dispatcher,
            config: self.config,
            auth: Arc::new(auth),
            audit: Arc::new(audit),
            tls,
            withdrawals,
            calls: CallMetrics::new(BUILT_IN.iter().map(|method| method.name)),
            traffic: Traffic::default(),
            metrics_text: self.metrics_text,
            monitor: Monitor::default(),
            phase,
        };
        Ok(Gateway::new(Arc::new(core), withdrawn))
    }
}
