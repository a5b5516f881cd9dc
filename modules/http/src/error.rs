use std::error::Error;
use std::fmt;

use rhai::{Dynamic, Map};

/// Why there is no answer. Scripts catch it as an object map with `kind` and `message`.
///
/// It names the server at most, never a path, a query, a header or a body: those may hold what is
/// nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    kind: HttpErrorKind,
    message: String,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// `invalid`: what was asked for makes no sense. The message names the option.
    Invalid,
    /// `refused`: scripts may not call that address.
    Refused,
    /// `resolve`: the host's name has no address, or it can't be found out.
    Resolve,
    /// `connect`: nobody answers there, or not as the certificate should be.
    Connect,
    /// `timeout`: it took too long, retries and redirects included, or no connection came about in time.
    Timeout,
    /// `redirect`: more redirects than allowed, or one that leads nowhere.
    Redirect,
    /// `too_large`: the answer is longer than allowed. The message names the setting.
    TooLarge,
    /// `network`: the connection broke, or what came over it is no HTTP.
    Network,
}

/// How the client says that it did not read all headers. It has a method for that in servers only.
const HEAD_TOO_LARGE: &str = "message head is too large";

impl HttpError {
    pub(crate) fn new(kind: HttpErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// An option that makes no sense.
    pub(crate) fn invalid(field: &str, problem: impl fmt::Display) -> Self {
        Self::new(HttpErrorKind::Invalid, format!("{field}: {problem}"))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// The same error, of a call to `origin`.
    pub(crate) fn at(mut self, origin: &str) -> Self {
        self.message = format!("{origin}: {}", self.message);
        self
    }

    /// An error of the client, without the URL, which it would show.
    pub(crate) fn of_client(error: &reqwest::Error) -> Self {
        let mut innermost: &dyn Error = error;
        while let Some(source) = innermost.source() {
            // One of ours, from the look-up of the name.
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
            // The request is under way; what the system calls a timeout is a broken connection, too.
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

    /// What scripts catch.
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
