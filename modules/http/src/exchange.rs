use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::time;

use crate::client_core::ClientCore;
use crate::retry::{Retries, retry_after};
use crate::{HttpError, HttpErrorKind, HttpRequest, HttpResponse};

/// One call: its tries and its redirects.
pub(crate) struct Exchange {
    core: Arc<ClientCore>,
    request: HttpRequest,
    timeout: Duration,
    max_response_bytes: usize,
}

impl Exchange {
    /// Checks the call before a request is sent.
    pub(crate) fn new(core: Arc<ClientCore>, request: HttpRequest) -> Result<Self, HttpError> {
        let config = &core.config;
        core.policy.check(&request.url)?;
        if !request.secrets.is_empty() && !core.policy.is_allowed(&request.url) {
            let problem = "a secret is sent only to a host that the worker allows (--allow-host)";
            return Err(HttpError::invalid("headers", problem));
        }
        if request.body.len() > config.max_request_bytes {
            let limit = config.max_request_bytes;
            return Err(HttpError::invalid(
                "body",
                format_args!("it has more than {limit} bytes (max_request_bytes)"),
            ));
        }
        if header_bytes(&request.headers) > config.max_header_bytes {
            let limit = config.max_header_bytes;
            return Err(HttpError::invalid(
                "headers",
                format_args!("they have more than {limit} bytes (max_header_bytes)"),
            ));
        }
        let timeout = request.timeout.unwrap_or(config.timeout).min(config.max_timeout);
        let max_response_bytes = config.max_response_bytes;
        let max_response_bytes =
            request.max_response_bytes.map_or(max_response_bytes, |max| max.min(max_response_bytes));
        Ok(Self { timeout, max_response_bytes, request, core })
    }

    /// Makes the call. An error names the server that caused it.
    pub(crate) async fn run(self) -> Result<HttpResponse, HttpError> {
        let (timeout, origin) = (self.timeout, self.request.origin());
        match time::timeout(timeout, self.tries(Instant::now() + timeout)).await {
            Ok(answer) => answer,
            Err(_) => {
                let error = HttpError::new(HttpErrorKind::Timeout, format!("no answer within {timeout:?}"));
                Err(error.at(&origin))
            }
        }
    }

    async fn tries(&self, deadline: Instant) -> Result<HttpResponse, HttpError> {
        let config = &self.core.config;
        let retries = self.request.retries.unwrap_or(config.retries).min(config.max_retries);
        let mut retries = Retries::new(retries, config.backoff, config.max_backoff, deadline);
        loop {
            let mut trail = Trail::default();
            let error = match self.follow(&mut trail).await {
                Ok(answer) => {
                    let again = trail.may_be_repeated() && self.asks_for_retry(&answer);
                    match again.then(|| retries.next(retry_after(answer.headers()))).flatten() {
                        Some(pause) => {
                            drop(answer); // closes its connection, which is not needed during the pause
                            time::sleep(pause).await;
                            continue;
                        }
                        None => match self.read(answer).await {
                            Ok(response) => return Ok(response),
                            Err(error) => error,
                        },
                    }
                }
                Err(error) => error,
            };
            let again = trail.may_be_repeated() && is_passing(&error);
            match again.then(|| retries.next(None)).flatten() {
                Some(pause) => time::sleep(pause).await,
                None if error.kind() == HttpErrorKind::Invalid => return Err(error),
                None => return Err(error.at(&trail.origin)),
            }
        }
    }

    /// Whether a retry may succeed after this answer.
    fn asks_for_retry(&self, answer: &Response) -> bool {
        let status = answer.status();
        let advice = self.request.retry_header.as_ref().and_then(|name| answer.headers().get(name));
        match advice.map(HeaderValue::as_bytes) {
            Some(b"true") => !status.is_success(),
            Some(b"false") => false,
            _ => {
                matches!(status.as_u16(), 429 | 502..=504)
                    || self.request.also_retry.contains(&status.as_u16())
            }
        }
    }

    /// One try, along its redirects.
    async fn follow(&self, trail: &mut Trail) -> Result<Response, HttpError> {
        let mut request = self.request.clone();
        let limit = self.core.config.max_redirects;
        let limit = request.max_redirects.map_or(limit, |own| own.min(limit));
        let mut left = limit;
        loop {
            trail.origin = request.origin();
            // The targets of redirects are checked too.
            self.core.policy.check(&request.url)?;
            let answer = match self.send(&request).await {
                Err(error) if error.is_connect() => return Err(HttpError::of_client(&error)),
                sent => {
                    trail.reached(&request);
                    sent.map_err(|error| HttpError::of_client(&error))?
                }
            };
            let Some(target) = redirect(&answer, &request.url)? else { return Ok(answer) };
            if limit == 0 {
                return Ok(answer);
            }
            left = left.checked_sub(1).ok_or_else(|| {
                HttpError::new(
                    HttpErrorKind::Redirect,
                    format!("more than {limit} redirects (max_redirects)"),
                )
            })?;
            request = redirected(request, answer.status(), target);
        }
    }

    async fn send(&self, request: &HttpRequest) -> Result<Response, reqwest::Error> {
        let mut builder = self.core.client.request(request.method.clone(), request.url.clone());
        builder = builder.headers(request.headers.clone());
        if !request.headers.contains_key(header::ACCEPT_ENCODING) {
            // Without this header a server may compress the answer.
            builder = builder.header(header::ACCEPT_ENCODING, "identity");
        }
        let takes_body = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        } else if takes_body {
            // Some servers require the length also for an empty body.
            builder = builder.header(header::CONTENT_LENGTH, 0);
        }
        builder.send().await
    }

    /// Reads the body, up to its limit.
    async fn read(&self, mut answer: Response) -> Result<HttpResponse, HttpError> {
        let limit = self.max_response_bytes;
        let too_large = |what: &str, limit: usize, setting: &str| {
            let message = format!("the answer's {what} more than {limit} bytes ({setting})");
            HttpError::new(HttpErrorKind::TooLarge, message)
        };
        let max_header_bytes = self.core.config.max_header_bytes;
        if header_bytes(answer.headers()) > max_header_bytes {
            return Err(too_large("headers have", max_header_bytes, "max_header_bytes"));
        }
        let setting = match limit < self.core.config.max_response_bytes {
            true => "max_bytes",
            false => "max_response_bytes",
        };
        let announced = answer.content_length().unwrap_or_default();
        if announced > u64::try_from(limit).unwrap_or(u64::MAX) && self.request.method != Method::HEAD {
            return Err(too_large("body has", limit, setting));
        }
        let mut body = Vec::new();
        let mut share = self.core.buffers.share();
        while let Some(chunk) = answer.chunk().await.map_err(|error| HttpError::of_client(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(too_large("body has", limit, setting));
            }
            share.grow(chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        let status = answer.status().as_u16();
        Ok(HttpResponse::new(status, answer.headers(), body, &self.request.secrets))
    }
}

/// The progress of one try.
#[derive(Debug, Default)]
struct Trail {
    /// The server of the current request.
    origin: String,
    /// Whether a request that is not safe to repeat may have reached a server, including servers of
    /// redirects.
    is_spent: bool,
}

impl Trail {
    /// Records that a server may have received the request, whole or in part.
    fn reached(&mut self, request: &HttpRequest) {
        self.is_spent |= !(request.method.is_idempotent() || request.has_header(IDEMPOTENCY_KEY));
    }

    /// Whether the request is safe to repeat.
    fn may_be_repeated(&self) -> bool {
        !self.is_spent
    }
}

/// The header by which a server recognises a repeated call.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Whether a call that ended with this error can succeed when it is repeated.
fn is_passing(error: &HttpError) -> bool {
    // Here `Timeout` is that of connecting; the timeout of the whole call does not reach this function.
    matches!(error.kind(), HttpErrorKind::Connect | HttpErrorKind::Network | HttpErrorKind::Timeout)
}

/// The URL to which an answer redirects, or `None` if it is not a redirect.
fn redirect(answer: &Response, url: &Url) -> Result<Option<Url>, HttpError> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers().get(LOCATION) else { return Ok(None) };
    let target = location.to_str().ok().and_then(|location| url.join(location).ok());
    let nowhere = || HttpError::new(HttpErrorKind::Redirect, "a redirect that leads nowhere");
    target.filter(|target| matches!(target.scheme(), "http" | "https")).ok_or_else(nowhere).map(Some)
}

/// The request for a redirect, as browsers make it. For another server it leaves out the headers that may be
/// confidential.
fn redirected(mut request: HttpRequest, status: StatusCode, target: Url) -> HttpRequest {
    let to_get = match status.as_u16() {
        303 => request.method != Method::HEAD,
        301 | 302 => request.method == Method::POST,
        _ => false,
    };
    if to_get {
        request.method = Method::GET;
        request.body = bytes::Bytes::new();
        request.headers.remove(header::CONTENT_TYPE);
    }
    if target.origin() != request.url.origin() {
        let kept = [
            header::ACCEPT,
            header::ACCEPT_ENCODING,
            header::ACCEPT_LANGUAGE,
            header::CONTENT_TYPE,
            header::USER_AGENT,
            // The idempotency key identifies the call and gives no access.
            HeaderName::from_static(IDEMPOTENCY_KEY),
        ];
        let headers = std::mem::take(&mut request.headers);
        for name in kept {
            if let Some(value) = headers.get(&name).filter(|value| !value.is_sensitive()) {
                request.headers.insert(name, value.clone());
            }
        }
    }
    request.url = target;
    request
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
