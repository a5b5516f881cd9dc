use std::error::Error;
use std::fmt;

use rhai::{Dynamic, Map};

/// Why a call got no answer. Scripts catch it as an object map with `kind` and `message`.
///
/// The message may name the server, but never a path, a query, a header or a body, because these may contain
/// confidential data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    kind: HttpErrorKind,
    message: String,
}

/// The kind of an [`HttpError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// `invalid`: an option or an argument of the call is wrong. The message names it.
    Invalid,
    /// `refused`: scripts may not call the address.
    Refused,
    /// `resolve`: the host's name has no address, or the look-up failed.
    Resolve,
    /// `connect`: the server did not accept the connection, or its certificate is not trusted.
    Connect,
    /// `timeout`: the call took longer than its timeout, retries and redirects included, or connecting took too long.
    Timeout,
    /// `redirect`: more redirects than allowed, or a redirect without a usable URL.
    Redirect,
    /// `too_large`: the answer is longer than allowed. The message names the setting.
    TooLarge,
    /// `network`: the connection broke, or the answer is not HTTP.
    Network,
}

/// The text of the client's error for headers that are too large. Its error type has a method for this in servers only.
const HEAD_TOO_LARGE: &str = "message head is too large";

impl HttpError {
    pub(crate) fn new(kind: HttpErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// An error of kind `invalid`, about the option `field`.
    pub(crate) fn invalid(field: &str, problem: impl fmt::Display) -> Self {
        Self::new(HttpErrorKind::Invalid, format!("{field}: {problem}"))
    }

    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// The same error with the server `origin` in its message.
    pub(crate) fn at(mut self, origin: &str) -> Self {
        self.message = format!("{origin}: {}", self.message);
        self
    }

    /// Converts an error of the client, and leaves out the URL, which the client's own message contains.
    pub(crate) fn of_client(error: &reqwest::Error) -> Self {
        let mut innermost: &dyn Error = error;
        while let Some(source) = innermost.source() {
            // An `HttpError` from the resolver.
            if let Some(own) = source.downcast_ref::<Self>() {
                return own.clone();
            }
            if source.to_string() == HEAD_TOO_LARGE {
                let message = "the answer has too many headers (max_headers), or too long ones";
                return Self::new(HttpErrorKind::TooLarge, message);
            }
            innermost = source;
        }
        let kind = match (error.is_connect(), error.is_timeout()) {
            (true, true) => HttpErrorKind::Timeout,
            (true, false) => HttpErrorKind::Connect,
            // The request has been sent; a timeout that the system reports then is a broken connection.
            (false, _) => HttpErrorKind::Network,
        };
        let said = if innermost.is::<reqwest::Error>() { String::new() } else { innermost.to_string() };
        let message = match (kind, said.is_empty()) {
            (HttpErrorKind::Timeout, _) => "no connection in time".to_owned(),
            (HttpErrorKind::Connect, false) => format!("no connection: {said}"),
            (HttpErrorKind::Connect, true) => "no connection".to_owned(),
            (_, false) => format!("the connection broke: {said}"),
            (_, true) => "the connection broke".to_owned(),
        };
        Self::new(kind, message)
    }

    /// The object map that scripts catch.
    #[must_use]
    pub fn into_map(self) -> Map {
        let fields: [(&str, Dynamic); 2] =
            [("kind", self.kind.as_str().into()), ("message", self.message.into())];
        fields.into_iter().map(|(key, value)| (key.into(), value)).collect()
    }
}

impl HttpErrorKind {
    /// The kind as scripts see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Redirect => "redirect",
            Self::TooLarge => "too_large",
            Self::Network => "network",
        }
    }
}

impl From<HttpError> for Dynamic {
    fn from(error: HttpError) -> Self {
        error.into_map().into()
    }
}
