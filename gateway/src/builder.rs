use std::sync::Arc;

use rhai_dispatcher::{Invalid, RhaiDispatcher};
use tokio::sync::watch;

use crate::GatewayError;
use crate::auth::Authenticator;
use crate::config::GatewayConfig;
use crate::core::{GatewayCore, Phase};
use crate::dashboard::Monitor;
use crate::gateway::Gateway;
use crate::withdrawals::Withdrawals;

/// Makes a [`Gateway`].
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it builds"]
pub struct GatewayBuilder {
    dispatcher: Option<RhaiDispatcher>,
    config: GatewayConfig,
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

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Invalid`](GatewayError::Invalid), naming the setting.
    pub fn build(self) -> Result<Gateway, GatewayError> {
        self.config.check()?;
        let dispatcher = self.dispatcher.ok_or_else(|| {
            Invalid::new("dispatcher", "is missing", "give the dispatcher that calls go through")
        })?;
        let auth = Authenticator::open(&dispatcher)?;
        let (withdrawals, withdrawn) = Withdrawals::new();
        let (phase, _) = watch::channel(Phase::Serving);
        let core = GatewayCore {
            dispatcher,
            config: self.config,
            auth,
            withdrawals,
            monitor: Monitor::default(),
            phase,
        };
        Ok(Gateway::new(Arc::new(core), withdrawn))
    }
}
