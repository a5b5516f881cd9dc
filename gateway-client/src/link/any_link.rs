use rhai_dispatcher_core::Invalid;
use std::sync::Arc;
use tokio::time::Instant;

use super::http_link::HttpLink;
use super::socket::SocketLink;
use super::tls;
use crate::address::{Address, Scheme};
use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::ids::Ids;
use crate::rpc::{Outgoing, RawAnswer};

/// One of them.
#[derive(Debug)]
pub(crate) enum AnyLink {
    Socket(SocketLink),
    Http(HttpLink),
}

impl AnyLink {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// If the certificates can't be used.
    pub(crate) fn new(
        address: Address,
        token: Option<&str>,
        config: &ClientConfig,
        ids: Arc<Ids>,
    ) -> Result<Self, Invalid> {
        let tls = tls::config(config.root_certificates.as_deref(), address.is_tls)?;
        match address.scheme {
            Scheme::WebSocket => Ok(Self::Socket(SocketLink::new(address, token, tls, config, ids)?)),
            Scheme::Http => Ok(Self::Http(HttpLink::new(address, token, tls, config)?)),
        }
    }

    /// Sends a message, and waits for the answers to its calls, in the order of their ids.
    pub(crate) async fn exchange(
        &self,
        message: Outgoing,
        deadline: Instant,
    ) -> Result<Vec<RawAnswer>, ClientError> {
        match self {
            Self::Socket(socket) => socket.exchange(message, None, deadline).await,
            Self::Http(http) => http.exchange(message, deadline).await,
        }
    }
}
