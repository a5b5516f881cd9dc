use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderMap, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::time;

use crate::client::Inner;
use crate::retry::{Backoff, retry_after};
use crate::{HttpError, HttpErrorKind, HttpRequest, HttpResponse};

/// One call: its tries and its redirects.
pub(crate) struct Exchange {
    inner: Arc<Inner>,
    request: HttpRequest,
    timeout: Duration,
    max_response_bytes: usize,
}

impl Exchange {
    /// Checks what can be checked before anything is sent.
    pub(crate) fn new(inner: Arc<Inner>, request: HttpRequest) -> Result<Self, HttpError> {
        let config = &inner.config;
        inner.policy.check(&request.url)?;
        if !request.secrets.is_empty() && !inner.policy.is_allowed(&request.url) {
            let problem = "a secret is sent only to a host that the worker allows (--allow-host)";
            return Err(HttpError::invalid("headers", problem));
        }
        if request.body.len() > config.max_request_bytes {
            let limit = config.max_request_bytes;
            return Err(HttpError::invalid("body", format_args!("it has more than {limit} bytes")));
        }
        if header_bytes(&request.headers) > config.max_header_bytes {
            let limit = config.max_header_bytes;
            return Err(HttpError::invalid("headers", format_args!("they have more than {limit} bytes")));
        }
        let timeout = request.timeout.unwrap_or(config.timeout).min(config.max_timeout);
        let max_response_bytes = config.max_response_bytes;
        let max_response_bytes =
            request.max_response_bytes.map_or(max_response_bytes, |max| max.min(max_response_bytes));
        Ok(Self { timeout, max_response_bytes, request, inner })
    }

    pub(crate) async fn run(self) -> Result<HttpResponse, HttpError> {
        let timeout = self.timeout;
        match time::timeout(timeout, self.tries(Instant::now() + timeout)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::new(HttpErrorKind::Timeout, format!("no answer within {timeout:?}"))),
        }
    }

    async fn tries(&self, deadline: Instant) -> Result<HttpResponse, HttpError> {
        let config = &self.inner.config;
        let retries = self.request.retries.unwrap_or(config.retries).min(config.max_retries);
        let mut backoff = Backoff::new(config.backoff, config.max_backoff);
        for left in (0..=retries).rev() {
            let first = self.request.clone();
            let tried = self.follow(first).await;
            let pause = backoff.next();
            let asked = match &tried {
                Ok(answer) if self.is_retried(answer.status()) => retry_after(answer.headers()),
                Err(error) if self.may_repeat(error) => None,
                _ => return self.finish(tried?).await,
            };
            let pause = asked.map_or(pause, |asked| asked.max(pause));
            let in_time = pause <= self.inner.config.max_backoff && Instant::now() + pause < deadline;
            if left == 0 || !in_time {
                return self.finish(tried?).await;
            }
            drop(tried); // with its connection, which is not held through the pause
            time::sleep(pause).await;
        }
        // The last turn of the loop returns.
        Err(HttpError::new(HttpErrorKind::Network, "it was not tried"))
    }

    /// Whether an answer means that trying again helps.
    fn is_retried(&self, status: StatusCode) -> bool {
        let passing = matches!(status.as_u16(), 429 | 502..=504)
            || self.request.also_retry.is_some_and(|also| also == status);
        passing && self.is_idempotent()
    }

    fn may_repeat(&self, error: &HttpError) -> bool {
        match error.kind() {
            // It never got there.
            HttpErrorKind::Connect => true,
            HttpErrorKind::Network => self.is_idempotent(),
            _ => false,
        }
    }

    /// Whether doing it twice is like doing it once.
    fn is_idempotent(&self) -> bool {
        self.request.method.is_idempotent() || self.request.has_header("idempotency-key")
    }

    /// One try, along its redirects.
    async fn follow(&self, mut request: HttpRequest) -> Result<Response, HttpError> {
        let limit = self.inner.config.max_redirects;
        let limit = request.max_redirects.map_or(limit, |own| own.min(limit));
        let mut left = limit;
        loop {
            // Also what a redirect leads to.
            self.inner.policy.check(&request.url)?;
            let answer = self.send(&request).await?;
            let Some(target) = redirect(&answer, &request.url)? else { return Ok(answer) };
            if limit == 0 {
                return Ok(answer);
            }
            left = left.checked_sub(1).ok_or_else(|| {
                HttpError::new(HttpErrorKind::Redirect, format!("more than {limit} redirects"))
            })?;
            request = redirected(request, answer.status(), target);
        }
    }

    async fn send(&self, request: &HttpRequest) -> Result<Response, HttpError> {
        let mut builder = self.inner.client.request(request.method.clone(), request.url.clone());
        builder = builder.headers(request.headers.clone());
        let takes_body = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        } else if takes_body {
            // Some servers want to be told that there is none.
            builder = builder.header(header::CONTENT_LENGTH, 0);
        }
        builder.send().await.map_err(|error| HttpError::of_client(&error))
    }

    /// Reads the body, as far as allowed.
    async fn finish(&self, mut answer: Response) -> Result<HttpResponse, HttpError> {
        let limit = self.max_response_bytes;
        let too_large = |what: &str, limit: usize| {
            HttpError::new(HttpErrorKind::TooLarge, format!("the answer's {what} more than {limit} bytes"))
        };
        let max_header_bytes = self.inner.config.max_header_bytes;
        if header_bytes(answer.headers()) > max_header_bytes {
            return Err(too_large("headers have", max_header_bytes));
        }
        let announced = answer.content_length().unwrap_or_default();
        if announced > u64::try_from(limit).unwrap_or(u64::MAX) && self.request.method != Method::HEAD {
            return Err(too_large("body has", limit));
        }
        let mut body = Vec::new();
        let mut share = self.inner.buffers.share();
        while let Some(chunk) = answer.chunk().await.map_err(|error| HttpError::of_client(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(too_large("body has", limit));
            }
            share.grow(chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        let status = answer.status().as_u16();
        Ok(HttpResponse::new(status, answer.headers(), body, &self.request.secrets))
    }
}

/// Where an answer redirects to, if it does.
fn redirect(answer: &Response, url: &Url) -> Result<Option<Url>, HttpError> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers().get(LOCATION) else { return Ok(None) };
    let target = location.to_str().ok().and_then(|location| url.join(location).ok());
    let nowhere = || HttpError::new(HttpErrorKind::Redirect, "a redirect that leads nowhere");
    target.filter(|target| matches!(target.scheme(), "http" | "https")).ok_or_else(nowhere).map(Some)
}

/// The call that a redirect asks for: as browsers make it, and with nothing for another server that
/// was meant for this one.
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
        let kept = [header::ACCEPT, header::ACCEPT_LANGUAGE, header::CONTENT_TYPE, header::USER_AGENT];
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
