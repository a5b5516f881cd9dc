use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use rhai_dispatcher_engine::Secret;

use crate::HttpError;

/// A request for a call.
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
    /// The secrets in `headers`.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) body: Bytes,
    /// Unset limits are those of the configuration.
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) max_redirects: Option<u32>,
    pub(crate) max_response_bytes: Option<usize>,
    /// Statuses after which the call is retried, in addition to 429, 502, 503 and 504.
    pub(crate) also_retry: Vec<u16>,
    /// The header of an answer that decides whether the call is retried; it overrides the status.
    pub(crate) retry_header: Option<HeaderName>,
}

/// Limit on the length of a URL, in bytes; few servers accept longer ones.
const MAX_URL: usize = 8 * 1024;

const TRACEPARENT: &str = "traceparent";

/// Headers that the client sets itself, and headers that concern the connection only.
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
    /// A request without headers and body.
    ///
    /// # Errors
    /// Of kind `invalid`, for an invalid method or URL.
    pub fn new(method: &str, url: &str) -> Result<Self, HttpError> {
        if url.len() > MAX_URL {
            return Err(HttpError::invalid("url", format_args!("it has more than {MAX_URL} bytes")));
        }
        let url: Url = url.parse().map_err(|error| HttpError::invalid("url", error))?;
        let method = method.to_ascii_uppercase();
        // The other methods, such as CONNECT, concern connections and not the resource at a URL.
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
    /// Of kind `invalid`, for an invalid name or value, and for a header that the client sets itself.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, HttpError> {
        self.set_header(name, value, false)?;
        Ok(self)
    }

    /// Sets a header to `prefix` and the secret. A redirect to another server leaves this header out. Where the
    /// answer repeats the secret, it reads `[secret]`.
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

    /// Sets the timeout of the whole call, retries and redirects included.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the number of retries. A call is retried only if each request that may have reached a server,
    /// including those of redirects, has an idempotent method or a header `Idempotency-Key`.
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

    /// Retries the call after this status too, in addition to 429, 502, 503 and 504.
    pub fn with_retry_of(mut self, status: u16) -> Self {
        self.also_retry.push(status);
        self
    }

    /// Names a header with which the server decides whether the call is retried: `true` or `false`. It
    /// overrides the status of the answer, except a status of success. With any other value, or
    /// without the header, the status decides. A call that is not safe to repeat is never retried.
    ///
    /// # Errors
    /// Of kind `invalid`, for an invalid header name.
    pub fn with_retry_header(mut self, name: &str) -> Result<Self, HttpError> {
        let problem = |_| HttpError::invalid("retry_header", "it is not a valid header name");
        self.retry_header = Some(HeaderName::from_bytes(name.as_bytes()).map_err(problem)?);
        Ok(self)
    }

    /// The server of the URL. Messages may show this part of the URL only.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// Sets the headers of a trace, unless the first is set already.
    pub(crate) fn with_trace(self, traceparent: &str, tracestate: Option<&str>) -> Result<Self, HttpError> {
        if self.has_header(TRACEPARENT) {
            return Ok(self);
        }
        let request = self.with_header(TRACEPARENT, traceparent)?;
        match tracestate {
            Some(state) => request.with_header("tracestate", state),
            None => Ok(request),
        }
    }

    fn set_header(&mut self, name: &str, value: &str, secret: bool) -> Result<(), HttpError> {
        let field = || {
            let name: String = name.chars().take(64).collect();
            format!("headers.{}", name.escape_debug())
        };
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| HttpError::invalid(&field(), "it is not a valid header name"))?;
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
