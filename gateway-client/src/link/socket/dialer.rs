use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use rhai_dispatcher_core::Invalid;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::failure::Failure;
use crate::address::Address;
use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::link::bearer::bearer;
use crate::link::refused::refused;
use crate::link::untrusted::untrusted;

/// Connects.
pub(super) struct Dialer {
    address: Address,
    request: Request,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    socket: WebSocketConfig,
    timeout: Duration,
}

/// A connection.
pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Dialer {
    /// # Errors
    /// If the URL or the token can't be used.
    pub(super) fn new(
        address: Address,
        token: Option<&str>,
        tls: rustls::ClientConfig,
        config: &ClientConfig,
    ) -> Result<Self, Invalid> {
        let address = if config.keep_tasks { address.keeping_tasks() } else { address };
        let refuse = |problem: String| Invalid::new("url", problem, "use ws://HOST:PORT/ws or wss://");
        let request = address.url.as_str().into_client_request();
        let mut request = request.map_err(|error| refuse(error.to_string()))?;
        if let Some(value) = token.map(bearer).transpose()? {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("rhaid.jsonrpc"));
        let tls = match address.is_tls {
            false => None,
            true => {
                let name = ServerName::try_from(address.host.clone());
                let name = name.map_err(|error| refuse(error.to_string()))?;
                Some((TlsConnector::from(Arc::new(tls)), name))
            }
        };
        let max = config.max_answer_bytes;
        let socket = WebSocketConfig::default().max_message_size(Some(max)).max_frame_size(Some(max));
        Ok(Self { address, request, tls, socket, timeout: config.connect_timeout })
    }

    pub(super) async fn dial(&self) -> Result<Socket, Failure> {
        match timeout(self.timeout, self.connect()).await {
            Ok(connected) => connected,
            Err(_) => {
                let within = self.timeout.as_secs_f64();
                Err(self.unreachable(format!("there was no answer within {within} s (connect_timeout)")))
            }
        }
    }

    async fn connect(&self) -> Result<Socket, Failure> {
        let Address { host, port, .. } = &self.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await;
        let stream = stream.map_err(|error| self.unreachable(error.to_string()))?;
        // Messages are small, and each is waited for.
        stream.set_nodelay(true).map_err(|error| self.unreachable(error.to_string()))?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                Box::new(stream.map_err(|error| match untrusted(&error) {
                    Some(refused) => Failure::Refused(refused),
                    None => self.unreachable(error.to_string()),
                })?)
            }
        };
        match client_async_with_config(self.request.clone(), stream, Some(self.socket)).await {
            Ok((socket, _)) => Ok(socket),
            Err(WsError::Http(response)) => {
                let status = response.status().as_u16();
                let body = response.body().as_deref().unwrap_or_default();
                match refused(status, body) {
                    error if is_passing(&error) => Err(self.unreachable(error.to_string())),
                    error => Err(Failure::Refused(error)),
                }
            }
            Err(error) => Err(self.unreachable(error.to_string())),
        }
    }

    fn unreachable(&self, reason: String) -> Failure {
        Failure::Unreachable(format!("{}: {reason}", self.address.url))
    }
}

/// Whether an attempt soon after may succeed.
fn is_passing(error: &ClientError) -> bool {
    error.is_retryable()
}
