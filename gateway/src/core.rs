use std::fmt;
use std::sync::Arc;

use rhai_dispatcher::RhaiDispatcher;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::audit::AuditLog;
use crate::auth::Authenticator;
use crate::config::GatewayConfig;
use crate::dashboard::Monitor;
use crate::metrics::{CallMetrics, MetricsText, Traffic};
use crate::withdrawals::Withdrawals;

/// What all connections of a gateway share.
pub(crate) struct GatewayCore {
    pub(crate) dispatcher: RhaiDispatcher,
    pub(crate) config: GatewayConfig,
    pub(crate) auth: Arc<Authenticator>,
    pub(crate) audit: Arc<AuditLog>,
    /// For connections with TLS, if it is on.
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) withdrawals: Withdrawals,
    pub(crate) calls: CallMetrics,
    pub(crate) traffic: Traffic,
    /// What a scrape gets, if metrics are kept.
    pub(crate) metrics_text: Option<MetricsText>,
    /// What the pages show of queues.
    pub(crate) monitor: Monitor,
    /// Whether it still takes calls.
    pub(crate) phase: watch::Sender<Phase>,
}

/// Clones are the same.
pub(crate) type Core = Arc<GatewayCore>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// Calls in flight may end, and no other begins.
    Draining,
    /// What is left is dropped.
    Closed,
}

impl GatewayCore {
    pub(crate) fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Resolves when `phase` has come.
    pub(crate) async fn reached(&self, phase: Phase) {
        // The sender lives as long as this does.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }
}

impl fmt::Debug for GatewayCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayCore")
            .field("dispatcher", &self.dispatcher)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
