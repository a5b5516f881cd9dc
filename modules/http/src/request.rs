use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use rhai_dispatcher_engine::Secret;

use crate::HttpError;

/// A call that is to be made.
///
/// ```
/// use rhai_dispatcher_http::HttpRequest;
///
/// let request = HttpRequest::new("POST", "https://api.example.com/v1/things")?
///     .with_header("content-type", "application/json")?
///     .with_body(r#"{"n": 1}"#);
/// # Ok::<(), rhai_dispatcher_http::HttpError>(())
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// Those that are in `headers`.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) body: Bytes,
    /// Those that are unset are the configuration's.
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) max_redirects: Option<u32>,
    pub(crate) max_response_bytes: Option<usize>,
    /// Statuses for which it is tried again, beside the usual ones.
    pub(crate) also_retry: Vec<u16>,
    /// The header of an answer that decides whether it is tried again, whatever the status.
    pub(crate) retry_header: Option<HeaderName>,
}

/// The longest URL, in bytes; servers rarely take more.
const MAX_URL: usize = 8 * 1024;

/// What the client sets itself, and what is between the two ends of a connection.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl HttpRequest {
    /// A call without headers and body.
    ///
    /// # Errors
    /// Of kind `invalid`, for a method or URL that is none.
    pub fn new(method: &str, url: &str) -> Result<Self, HttpError> {
        if url.len() > MAX_URL {
            return Err(HttpError::invalid("url", format_args!("it has more than {MAX_URL} bytes")));
        }
        let url: Url = url.parse().map_err(|error| HttpError::invalid("url", error))?;
        let method = method.to_ascii_uppercase();
        // The others are about connections, not about what is at a URL.
        if !["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&method.as_str()) {
            let problem = "it should be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS";
            return Err(HttpError::invalid("method", problem));
        }
        let method = method.parse().map_err(|error| HttpError::invalid("method", error))?;
        Ok(Self {
            method,
            url,
            headers: HeaderMap::new(),
            secrets: Vec::new(),
            body: Bytes::new(),
            timeout: None,
            retries: None,
            max_redirects: None,
            max_response_bytes: None,
            also_retry: Vec::new(),
            retry_header: None,
        })
    }

    /// Sets a header.
    ///
    /// # Errors
    /// Of kind `invalid`, for a name or value that is none, and for what the client sets itself.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, HttpError> {
        self.set_header(name, value, false)?;
        Ok(self)
    }

    /// Sets a header to `prefix` and the secret. It is not sent on to another server by a redirect, and
    /// where the answer repeats it, it reads `[secret]`.
    ///
    /// # Errors
    /// Those of [`with_header`](Self::with_header).
    pub fn with_secret_header(
        mut self,
        name: &str,
        prefix: &str,
        secret: &Secret,
    ) -> Result<Self, HttpError> {
        self.set_header(name, &format!("{prefix}{}", secret.expose()), true)?;
        self.secrets.push(secret.clone());
        Ok(self)
    }

    /// Sets the body.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets how long the call takes at most, retries and redirects included.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often it is tried again, if it may be repeated: if each request of it that may have
    /// reached a server, those of redirects included, has an idempotent method or a header
    /// `Idempotency-Key`.
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets how many redirects are followed; with 0 the redirect is the answer.
    pub fn with_max_redirects(mut self, max: u32) -> Self {
        self.max_redirects = Some(max);
        self
    }

    /// Sets the longest body of an answer, in bytes.
    pub fn with_max_response_bytes(mut self, max: usize) -> Self {
        self.max_response_bytes = Some(max);
        self
    }

    /// Tries again for this status too, beside 429, 502, 503 and 504.
    pub fn with_retry_of(mut self, status: u16) -> Self {
        self.also_retry.push(status);
        self
    }

    /// Names a header by which the server decides whether the call is tried again, whatever the status
    /// of its answer, unless that is one of success: `true` or `false`. With any other value, or
    /// without the header, the status decides. A call that may not be repeated is not, whatever the
    /// header says.
    ///
    /// # Errors
    /// Of kind `invalid`, for a name that is none.
    pub fn with_retry_header(mut self, name: &str) -> Result<Self, HttpError> {
        let problem = |_| HttpError::invalid("retry_header", "it is no name of a header");
        self.retry_header = Some(HeaderName::from_bytes(name.as_bytes()).map_err(problem)?);
        Ok(self)
    }

    /// The server that it goes to, which is as much of the URL as messages may show.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    fn set_header(&mut self, name: &str, value: &str, secret: bool) -> Result<(), HttpError> {
        let field = || {
            let name: String = name.chars().take(64).collect();
            format!("headers.{}", name.escape_debug())
        };
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| HttpError::invalid(&field(), "it is no name of a header"))?;
        if RESERVED.contains(&key.as_str()) {
            return Err(HttpError::invalid(&field(), "this header is not for scripts to set"));
        }
        let mut value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| HttpError::invalid(&field(), "a header's value is one line of text"))?;
        value.set_sensitive(secret || key.as_str() == "authorization");
        self.headers.insert(key, value);
        Ok(())
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("origin", &self.origin())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}
