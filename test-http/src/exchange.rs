use std::time::Duration;

/// A request that the server received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `GET` and the like.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
    /// The body, as it came.
    pub bytes: Vec<u8>,
    /// How many requests came before it, over whatever connection.
    pub number: usize,
    /// The port that the client sent it from: the same for requests over one connection.
    pub client_port: u16,
}

impl Asked {
    /// The value of the first header of this name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What the server answers.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) delay: Duration,
    pub(crate) hang_up: bool,
}

impl Answer {
    /// An empty answer with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delay: Duration::ZERO, hang_up: false }
    }

    /// 200, with this text.
    #[must_use]
    pub fn text(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).with_body(body)
    }

    /// 200, with this JSON.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::text(body).with_header("content-type", "application/json")
    }

    /// No answer: the connection is closed.
    #[must_use]
    pub fn hang_up() -> Self {
        Self { hang_up: true, ..Self::status(500) }
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Waits before it answers.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}
