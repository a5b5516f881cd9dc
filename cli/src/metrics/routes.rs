use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use hyper::{Method, Response, StatusCode};
use rhai_dispatcher::metrics::TransportMetrics;
use serde_json::{Value, json};

use super::Recorder;
use super::health::{Checked, HealthChecks};

/// The answers to requests.
pub(super) struct Routes {
    pub(super) recorder: Recorder,
    pub(super) queue: TransportMetrics,
    pub(super) checks: HealthChecks,
}

const METRICS: &str = "/metrics";
const HEALTH: &str = "/healthz";
const READY: &str = "/readyz";

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

impl Routes {
    pub(super) async fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if ![METRICS, HEALTH, READY].contains(&path) {
            let problem = format!("there are {METRICS}, {HEALTH} and {READY}");
            return response(StatusCode::NOT_FOUND, JSON, error(&problem));
        }
        if ![Method::GET, Method::HEAD].contains(method) {
            let problem = format!("{path} answers GET and HEAD only");
            let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, JSON, error(&problem));
            refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            HEALTH => checked(self.checks.live()),
            READY => checked(self.checks.ready()),
            _ => {
                self.queue.sample().await;
                response(StatusCode::OK, PROMETHEUS_TEXT, self.recorder.text())
            }
        }
    }
}

fn checked((is_well, body): Checked) -> Response<Full<Bytes>> {
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response(status, JSON, line(&body))
}

fn error(message: &str) -> String {
    line(&json!({ "error": { "message": message } }))
}

fn line(body: &Value) -> String {
    format!("{body}\n")
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
    response
}
