use axum::extract::{Request, State};
use axum::http::header::UPGRADE;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::origin_guard::is_of_an_own_page;
use super::refusal::Refusal;
use crate::auth::{Refused, proves_its_session};
use crate::core::Core;
use crate::rpc::Code;

/// Adds the identity of a request to its extensions. A request with a token that is not valid is refused, and so is one with
/// a session that could come from a page elsewhere.
pub(super) async fn authenticate(
    State(core): State<Core>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let identity = match core.auth.identify(request.headers()) {
        Ok(Some(identity)) => identity,
        Ok(None) => return Ok(next.run(request).await),
        Err(Refused) => return Err(Refusal::unauthorized()),
    };
    let (headers, method) = (request.headers(), request.method());
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !is_safe && !proves_its_session(&identity, headers) {
        let reason = "the header x-csrf-token is missing, or not that of the session; GET /session has it";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, reason));
    }
    // A browser lets any page read what it gets over a WebSocket, and sends the cookie with that of each page of the same
    // site: another port of the same host is one, so that an origin that is allowed to call may be.
    let is_session = identity.csrf_token().is_some();
    if is_session && headers.contains_key(UPGRADE) && !is_of_an_own_page(headers) {
        let reason = "a WebSocket with a session needs the header Origin, with that of the gateway; pages elsewhere need a token";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, reason));
    }
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}
