use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::config::GatewayConfig;
use crate::core::Core;

const RESOURCE_POLICY: &str = "cross-origin-resource-policy";

/// Lets pages of the origins that the configuration names call `/rpc`, by the protocol of browsers (CORS). Without such an origin it
/// adds nothing. A session is of no use there: its cookie is not sent from other sites, so that such a page needs a token.
pub(super) async fn cors(State(core): State<Core>, request: Request, next: Next) -> Response {
    let Some(origin) = named_origin(&request, &core.config) else { return next.run(request).await };
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match is_preflight {
        // It has no token, and changes nothing.
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("origin"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    if is_preflight {
        allow(headers);
    }
    response
}

fn allow(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let allowed = HeaderValue::from_static("authorization, content-type");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    // Seconds that a browser need not ask again.
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

/// The origin of a request for `/rpc`, if it is one that the configuration names.
fn named_origin(request: &Request, config: &GatewayConfig) -> Option<HeaderValue> {
    if request.uri().path() != "/rpc" {
        return None;
    }
    let origin = request.headers().get(ORIGIN)?;
    let text = origin.to_str().ok()?;
    config.allowed_origins.iter().any(|named| named.eq_ignore_ascii_case(text)).then(|| origin.clone())
}
