use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::GatewayError;
use crate::core::Core;
use crate::http::router;
use crate::server::serve;
use crate::withdrawals::{Withdrawals, Withdrawn};

/// JSON-RPC 2.0 over WebSocket and HTTP, before the workers of a dispatcher.
///
/// ```no_run
/// use rhai_dispatcher::RhaiDispatcher;
/// use rhai_dispatcher_gateway::GatewayBuilder;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let dispatcher = RhaiDispatcher::connect("redis://127.0.0.1/").await?;
/// let gateway = GatewayBuilder::new().dispatcher(dispatcher).build()?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let shutdown = async { /* until Ctrl-C, for example */ };
/// gateway.serve(listener, shutdown).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gateway {
    core: Core,
    withdrawn: Withdrawn,
}

impl Gateway {
    pub(crate) fn new(core: Core, withdrawn: Withdrawn) -> Self {
        Self { core, withdrawn }
    }

    #[cfg(test)]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Checks that the gateway may listen on an address, as [`serve`](Self::serve) does: before that, so that nothing has begun.
    ///
    /// # Errors
    /// [`OpenToOthers`](GatewayError::OpenToOthers) if the gateway has no tokens and the address is not a loopback address.
    pub fn check_address(&self, address: SocketAddr) -> Result<(), GatewayError> {
        match self.core.auth.is_open() && !address.ip().to_canonical().is_loopback() {
            true => Err(GatewayError::OpenToOthers(address)),
            false => Ok(()),
        }
    }

    /// Serves until `shutdown` resolves. Then it accepts no connection and no call, and lets the calls that run end within
    /// the grace period. It needs a runtime of tokio with its timers and its network.
    ///
    /// # Errors
    /// [`OpenToOthers`](GatewayError::OpenToOthers) if the gateway has no tokens and the listener is not on a loopback address.
    ///
    /// # Cancellation
    /// Dropping the future closes all connections, and cancels the tasks of their calls.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), GatewayError> {
        let address = listener.local_addr().map_err(GatewayError::Listener)?;
        self.check_address(address)?;
        let Self { core, withdrawn } = self;
        if core.auth.is_open() {
            tracing::warn!(%address, "the gateway has no tokens: every program on this machine may do everything");
        }
        let audit = Arc::clone(&core.audit);
        let withdrawing = tokio::spawn(Withdrawals::run(withdrawn, core.dispatcher.transport().clone()));
        let router = router(&core);
        let keep_current = {
            let core = core.clone();
            async move { core.auth.keep_current().await }
        };
        tokio::select! {
            () = serve(listener, core, router, shutdown) => {}
            () = keep_current => {}
        }
        // All senders are gone with the connections: it ends when it has cancelled what they left.
        let _ = withdrawing.await;
        audit.flush().await;
        Ok(())
    }
}
