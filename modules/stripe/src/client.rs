use std::fmt::Write;

use rhai::Dynamic;
use rhai_dispatcher_engine::Secret;
use rhai_dispatcher_http::{AllowedHost, Form, HttpClient, HttpConfig, HttpRequest, HttpResponse};
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::error::ApiError;
use crate::{StripeConfig, StripeError};

/// Stripe's interface over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct StripeClient {
    http: HttpClient,
    /// Without a slash at its end.
    base_url: String,
    version: String,
}

/// The longest id, in bytes.
const MAX_ID: usize = 255;

impl StripeClient {
    pub(crate) fn new(config: &StripeConfig, bridge: TokioBridge) -> Result<Self, StripeError> {
        let invalid = |problem: &str| StripeError::Invalid(format!("base_url: {problem}"));
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        if base_url.contains(['?', '#', '@']) {
            return Err(invalid("give a scheme, a host and perhaps a port and path, and nothing else"));
        }
        let origin = HttpRequest::new("GET", &base_url)?.origin();
        let host: AllowedHost = origin
            .split_once("://")
            .and_then(|(_, host)| host.parse().ok())
            .ok_or_else(|| invalid("give a URL such as https://api.stripe.com"))?;
        // The timeout of this client also counts the wait for a slot, so it always ends first.
        let http = HttpConfig::new()
            .with_allowed_host(host)
            .with_timeout(config.timeout * 2)
            .with_max_timeout(config.timeout * 2)
            .with_retries(config.retries)
            .with_max_retries(config.retries)
            .with_backoff(config.backoff)
            .with_max_redirects(0);
        let http = HttpClient::new(http, bridge)?;
        Ok(Self { http, base_url, version: config.version.clone() })
    }

    /// Creates or changes the object at `path`. Stripe executes calls with the same `idempotency_key` only
    /// once.
    pub(crate) async fn post(
        &self,
        path: &str,
        form: &Form,
        key: &Secret,
        idempotency_key: &str,
    ) -> Result<Dynamic, StripeError> {
        let request = self.request("POST", path, key)?;
        let request = request
            .with_header("content-type", Form::CONTENT_TYPE)?
            .with_header("idempotency-key", idempotency_key)?
            // 409: an earlier run of the task may not have finished the same call yet.
            .with_retry_of(409)
            .with_body(form.encoded());
        self.send(request).await
    }

    /// Reads the object or list at `path`.
    pub(crate) async fn get(&self, path: &str, query: &Form, key: &Secret) -> Result<Dynamic, StripeError> {
        let query = query.encoded();
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        self.send(self.request("GET", &path, key)?).await
    }

    fn request(&self, method: &str, path: &str, key: &Secret) -> Result<HttpRequest, StripeError> {
        let request = HttpRequest::new(method, &format!("{}/v1/{path}", self.base_url))?
            // Stripe's header overrides the status, because a status such as 500 does not tell whether a retry helps.
            .with_retry_header("stripe-should-retry")?
            .with_retry_of(500)
            .with_header("stripe-version", &self.version)?
            .with_secret_header("authorization", "Bearer ", key)?;
        Ok(request)
    }

    async fn send(&self, request: HttpRequest) -> Result<Dynamic, StripeError> {
        let response: HttpResponse = self.http.send(request).await?;
        if !response.is_success() {
            return Err(StripeError::Api(ApiError::of(&response)));
        }
        // An answer that is not a map is not from Stripe; it may be from a proxy.
        let object = response.json()?.filter(Dynamic::is_map);
        object.ok_or_else(|| StripeError::Api(ApiError::of(&response)))
    }
}

/// The path of one object of a collection.
pub(crate) fn object_path(collection: &str, id: &str) -> Result<String, StripeError> {
    if id.is_empty() || id.len() > MAX_ID || id == "." || id == ".." {
        let problem = format!("id: it is not a valid id; give one with 1 to {MAX_ID} bytes");
        return Err(StripeError::Invalid(problem));
    }
    let mut path = format!("{collection}/");
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}"); // a write to a string does not fail
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_within_its_collection() {
        let path = |id: &str| object_path("products", id).ok();
        assert_eq!(path("prod_1").as_deref(), Some("products/prod_1"));
        assert_eq!(path("../charges?x#y").as_deref(), Some("products/..%2Fcharges%3Fx%23y"));
        assert_eq!(path("25 % ö").as_deref(), Some("products/25%20%25%20%C3%B6"));
        assert_eq!((path(""), path("."), path("..")), (None, None, None));
    }

    #[test]
    fn a_base_url_is_an_origin_and_perhaps_a_path() {
        let client =
            |url: &str| StripeClient::new(&StripeConfig::new().with_base_url(url), TokioBridge::new());
        for good in ["https://api.stripe.com", "http://127.0.0.1:12111/", "http://[::1]:80/mock"] {
            assert!(client(good).is_ok(), "{good}");
        }
        for bad in ["", "api.stripe.com", "https://sk_live_1@api.stripe.com", "https://a/?x", "data:,x"] {
            let error = client(bad).expect_err(bad).to_string();
            assert!(!error.contains("sk_live"), "{error}");
        }
    }
}
