use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::PATIENCE;

/// A client of `/ws`.
pub(crate) struct Socket {
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// How a WebSocket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Closing {
    /// By a frame with this code and reason.
    Frame(u16, String),
    /// Without one.
    Gone,
}

impl Socket {
    /// # Errors
    /// The status, if it is not upgraded.
    pub(crate) async fn connect(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        match timeout(PATIENCE, connect_async(request)).await.expect("an answer in time") {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.stream.send(Message::text(text.into())).await.expect("it is sent");
    }

    pub(crate) async fn request(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let request = json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params });
        self.send(request.to_string()).await;
    }

    /// Calls for long answers and reads none, until the gateway waits for room to write them.
    pub(crate) async fn fill(&mut self) {
        let script = "let text = `x`; text.pad(50000, 'x'); text";
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "play", "params": [script] }).to_string();
        let mut bytes = request;
        // What is behind the request makes it long, so that few of them fill the socket.
        bytes.push_str(&" ".repeat(100_000));
        loop {
            let sent = self.stream.send(Message::text(bytes.clone()));
            if timeout(Duration::from_millis(500), sent).await.is_err() {
                return;
            }
        }
    }

    /// A request with the id 1, and its answer, if nothing else comes before.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.request(1, method, params).await;
        self.json().await
    }

    /// The next message that is not of the protocol itself.
    pub(crate) async fn message(&mut self) -> Message {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.expect("a message in time");
            match message.expect("a message").expect("no error") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    pub(crate) async fn json(&mut self) -> Value {
        let message = self.message().await;
        let text = message.to_text().expect("a text");
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {message:?}"))
    }

    /// Waits until it is closed, and drops what comes before.
    pub(crate) async fn closed(&mut self) -> Closing {
        timeout(PATIENCE, self.end()).await.expect("the end in time")
    }

    async fn end(&mut self) -> Closing {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Closing::Frame(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Closing::Gone,
                Some(Ok(_)) => {}
            }
        }
    }
}
