use std::error::Error;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpError, Request, Response};
use rhai_dispatcher::http::{AllowedHost, HttpClient, HttpConfig, HttpRequest, TokioBridge};

/// Sends the requests of an exporter to its collector, and to no other host of a private network.
#[derive(Debug)]
pub(super) struct Collector {
    client: HttpClient,
}

/// The longest batch of spans, in bytes: 512 spans, of 32 KiB each.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

impl Collector {
    /// The collector with this URL.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub(super) fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        let request = Request::post(url).body(())?;
        if !matches!(request.uri().scheme_str(), Some("http" | "https")) {
            return Err("it does not begin with http:// or https://".into());
        }
        let authority = request.uri().authority().ok_or("it has no host")?.as_str();
        // In front of the host there may be a name and a password.
        let host: AllowedHost = authority.rsplit('@').next().unwrap_or(authority).parse()?;
        let config = HttpConfig::new().with_allowed_host(host).with_max_request_bytes(MAX_BATCH_BYTES);
        Ok(Self { client: HttpClient::new(config, TokioBridge::new())? })
    }
}

#[async_trait]
impl opentelemetry_http::HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let mut call = HttpRequest::new(parts.method.as_str(), &parts.uri.to_string())?.with_body(body);
        for (name, value) in &parts.headers {
            call = call.with_header(name.as_str(), value.to_str()?)?;
        }
        let answer = self.client.send(call).await?;
        let response = Response::builder().status(answer.status());
        Ok(response.body(Bytes::copy_from_slice(answer.body()))?)
    }
}
