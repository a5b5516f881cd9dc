use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::refusal::Refusal;
use crate::config::GatewayConfig;
use crate::core::Core;
use crate::rpc::Code;

/// Refuses requests for names that are not this gateway's, and requests of pages elsewhere.
///
/// A page elsewhere could otherwise use the rights that a browser has here: its session, or, without tokens, that it is on
/// this machine. By a name of its own that leads to this address it would even be of the same origin.
pub(super) async fn origin_guard(
    State(core): State<Core>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    check(request.headers(), &core.config)?;
    Ok(next.run(request).await)
}

fn check(headers: &HeaderMap, config: &GatewayConfig) -> Result<(), Refusal> {
    let host = headers.get(HOST).and_then(authority);
    let Some(host) = host else {
        let reason = "the header Host is missing, or can't be read";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidRequest, reason));
    };
    if !is_allowed_host(host.host(), config) {
        let reason = format!(
            "the host {:?} is not known here; use an address or localhost, or allow the name with --allow-name",
            shown(host.host())
        );
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, Code::Forbidden, reason));
    }
    match headers.get(ORIGIN) {
        Some(origin) if !is_allowed_origin(origin, &host, config) => {
            let reason = "pages of this origin may not call the gateway; allow it with --allow-origin";
            Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, reason))
        }
        _ => Ok(()),
    }
}

/// Whether a request came from a page of this gateway; not if it does not say where from.
pub(super) fn is_of_an_own_page(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(authority);
    match (host, headers.get(ORIGIN)) {
        (Some(host), Some(origin)) => is_own_origin(origin, &host),
        _ => false,
    }
}

fn authority(value: &HeaderValue) -> Option<Authority> {
    value.to_str().ok()?.parse().ok()
}

/// An address can't be the name of a page elsewhere.
fn is_allowed_host(host: &str, config: &GatewayConfig) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = bare.parse::<std::net::IpAddr>().is_ok();
    let is_local = host.eq_ignore_ascii_case("localhost");
    is_address || is_local || config.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
}

fn is_allowed_origin(origin: &HeaderValue, host: &Authority, config: &GatewayConfig) -> bool {
    let is_named =
        |origin: &str| config.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
    is_own_origin(origin, host) || origin.to_str().is_ok_and(is_named)
}

fn is_own_origin(origin: &HeaderValue, host: &Authority) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let Ok(authority) = rest.parse::<Authority>() else { return false };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port);
    authority.host().eq_ignore_ascii_case(host.host()) && port(&authority) == port(host)
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(host: &str, origin: Option<&str>, config: &GatewayConfig) -> Option<u16> {
        use axum::response::IntoResponse;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a value"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().expect("a value"));
        }
        check(&headers, config).err().map(|refusal| refusal.into_response().status().as_u16())
    }

    #[test]
    fn names_and_pages_elsewhere_are_refused() {
        let config = GatewayConfig::default();
        for (host, origin) in [
            ("127.0.0.1:8080", None),
            ("[::1]:8080", None),
            ("localhost:8080", Some("http://localhost:8080")),
            ("LOCALHOST", Some("http://localhost")),
            ("10.0.0.1:443", Some("https://10.0.0.1")),
        ] {
            assert_eq!(status(host, origin, &config), None, "{host} {origin:?}");
        }
        for (host, origin, expected) in [
            ("evil.example:8080", None, 421),
            ("evil.example:8080", Some("http://evil.example:8080"), 421),
            ("127.0.0.1.evil.example", None, 421),
            ("a b", None, 400),
            ("localhost:8080", Some("http://localhost:9090"), 403),
            ("localhost:8080", Some("http://evil.example"), 403),
            ("localhost:8080", Some("null"), 403),
            ("localhost:8080", Some("file://localhost:8080"), 403),
            ("localhost:80", Some("https://localhost"), 403),
        ] {
            assert_eq!(status(host, origin, &config), Some(expected), "{host} {origin:?}");
        }
        let config = config.with_allowed_host("rhai.example").with_allowed_origin("https://shop.example");
        assert_eq!(status("rhai.example", Some("https://rhai.example"), &config), None);
        assert_eq!(status("rhai.example", Some("https://shop.example"), &config), None);
        assert_eq!(status("rhai.example", Some("http://shop.example"), &config), Some(403));
    }
}
