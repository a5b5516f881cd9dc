use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A connection over which requests are sent as they are written.
pub(crate) struct Http<S = TcpStream> {
    pub(crate) stream: S,
    host: String,
    headers: Vec<(String, String)>,
    received: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Http {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("a connection"), &address.to_string())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http<S> {
    pub(crate) fn over(stream: S, host: &str) -> Self {
        Self { stream, host: host.to_owned(), headers: Vec::new(), received: Vec::new() }
    }

    /// A header of all requests from now on.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, "").await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Response {
        self.request("POST", path, body).await
    }

    pub(crate) async fn request(&mut self, method: &str, path: &str, body: &str) -> Response {
        let mut head = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        let has = |name: &str| self.headers.iter().any(|(other, _)| other == name);
        if !has("host") {
            head.push_str(&format!("host: {}\r\n", self.host));
        }
        if !has("content-type") {
            head.push_str("content-type: application/json\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(&format!("{head}\r\n{body}")).await;
        // The stack of a test's thread is small, and its future has one of these for each request.
        Box::pin(self.response()).await
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("it is written");
    }

    /// The next response.
    pub(crate) async fn response(&mut self) -> Response {
        timeout(PATIENCE, self.read()).await.expect("an answer in time")
    }

    /// Waits for the end of the connection; what came before it.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.received);
        let read = timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.expect("the end in time");
        // A connection that is closed with data underway may be reset.
        drop(read);
        String::from_utf8_lossy(&rest).into_owned()
    }

    async fn read(&mut self) -> Response {
        let head = loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<_> = self.received.drain(..end + 4).collect();
                break with_lower_names(&String::from_utf8(head).expect("UTF-8"));
            }
            self.more().await;
        };
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        while self.received.len() < length {
            self.more().await;
        }
        let body: Vec<_> = self.received.drain(..length).collect();
        Response { status, head, body: String::from_utf8(body).expect("UTF-8") }
    }

    async fn more(&mut self) {
        let mut buffer = [0; 64 * 1024];
        let len = self.stream.read(&mut buffer).await.expect("it is read");
        assert!(
            len > 0,
            "the connection ended within an answer: {:?}",
            String::from_utf8_lossy(&self.received)
        );
        self.received.extend_from_slice(&buffer[..len]);
    }
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The cookie that it sets, as it is sent back.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").expect("a cookie");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&*prefix))
    }
}

/// The head with the names of its headers in lower case.
fn with_lower_names(head: &str) -> String {
    let lines = head.lines().map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}\n", name.to_ascii_lowercase()),
        None => format!("{line}\n"),
    });
    lines.collect()
}
