use std::fmt;

use rhai_dispatcher_core::Invalid;

use crate::address::Address;
use crate::client::GatewayClient;
use crate::config::ClientConfig;
use crate::error::ClientError;

/// Makes a [`GatewayClient`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct GatewayClientBuilder {
    url: String,
    token: Option<String>,
    config: ClientConfig,
}

impl GatewayClientBuilder {
    /// A client of the gateway at this URL, such as `ws://127.0.0.1:8080` or `https://shop.example/rpc`. Without a path it gets
    /// `/ws` or `/rpc`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), token: None, config: ClientConfig::default() }
    }

    /// The token, as `rhaid token new` printed it. Default: none; a gateway without tokens needs none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The settings. Default: [`ClientConfig::default`].
    pub fn config(mut self, config: ClientConfig) -> Self {
        self.config = config;
        self
    }

    /// Makes the client. It connects with its first call. For a WebSocket it needs a runtime of tokio, with its timers and
    /// its network, in which it is made; for HTTP one in which it is used.
    ///
    /// # Errors
    /// If the URL, the token, a setting or the file of the certificates can't be used.
    pub fn build(self) -> Result<GatewayClient, Invalid> {
        self.config.check()?;
        let address = Address::parse(&self.url)?;
        GatewayClient::new(address, self.token.as_deref(), self.config)
    }

    /// Makes the client, and checks that the gateway answers and takes the token.
    ///
    /// # Errors
    /// As [`build`](Self::build), and those of a call.
    pub async fn connect(self) -> Result<GatewayClient, ClientError> {
        let client = self.build()?;
        client.check().await?;
        Ok(client)
    }
}

impl fmt::Debug for GatewayClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_token = self.token.is_some();
        f.debug_struct("GatewayClientBuilder")
            .field("url", &self.url)
            .field("has_token", &has_token)
            .field("config", &self.config)
            .finish()
    }
}
