use std::time::Instant;

use axum::extract::{Extension, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use rhai_dispatcher::transport::WallTime;
use serde::Deserialize;
use serde_json::json;

use super::body::read_body;
use super::peer::Peer;
use super::refusal::Refusal;
use crate::audit::AuditEntry;
use crate::auth::{COOKIE_NAMES, Identity};
use crate::core::Core;
use crate::rpc::Code;
use crate::server::network_of;

/// The longest body of a login, in bytes.
const MAX_BYTES: usize = 4 * 1024;

#[derive(Deserialize)]
struct Login {
    token: String,
}

/// `POST /login`: begins a session with a token, which comes as JSON or as a form. A form is answered with a redirect to the
/// pages, and JSON with who the caller is.
pub(super) async fn login(
    State(core): State<Core>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Refusal> {
    if let Err(wait) = core.auth.attempts.attempt(network_of(peer.address), Instant::now()) {
        let max = core.config.max_login_attempts;
        let seconds = wait.as_secs() + 1;
        let reason = format!("this address has tried {max} logins within a minute; try again in {seconds} s");
        let refusal = Refusal::limit(StatusCode::TOO_MANY_REQUESTS, "max_login_attempts", max, reason);
        return Ok(([(RETRY_AFTER, seconds.to_string())], refusal).into_response());
    }
    let is_json = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|typ| typ.as_bytes().starts_with(b"application/json"));
    let body = read_body(request.into_body(), MAX_BYTES, core.config.body_timeout).await?;
    let token = match is_json {
        true => serde_json::from_slice(&body).map(|Login { token }| token).ok(),
        false => token_of_form(&body),
    };
    let Some(token) = token else {
        let reason = "the body has no token; send {\"token\": \"…\"} as JSON, or a form with a field `token`";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidRequest, reason));
    };
    let logged_in = core.auth.log_in(token.trim()).map_err(|invalid| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::InternalError, invalid.to_string())
    })?;
    let Ok((id, identity)) = logged_in else {
        core.audit.add(entry("login.failed", None, peer)).await;
        return Err(refused(&core));
    };
    core.audit.add(entry("login", Some(&identity), peer)).await;
    let max_age = core.config.session_ttl.as_secs();
    let cookie = cookie(peer, id.expose(), max_age);
    Ok(match is_json {
        true => (cookie, describe(&identity)).into_response(),
        false => (cookie, Redirect::to("./")).into_response(),
    })
}

/// `POST /logout`: ends the session, and its connections.
pub(super) async fn logout(
    State(core): State<Core>,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
) -> Response {
    if identity.session_id().is_some() {
        core.auth.log_out(&identity);
        core.audit.add(entry("logout", Some(&identity), peer)).await;
    }
    (StatusCode::NO_CONTENT, cookie(peer, "", 0)).into_response()
}

/// `GET /session`: who the caller is, and what its requests have to have in the header `x-csrf-token`.
pub(super) async fn session(Extension(identity): Extension<Identity>) -> Response {
    describe(&identity)
}

fn describe(identity: &Identity) -> Response {
    let body = json!({
        "callerId": identity.caller_id(),
        "csrfToken": identity.csrf_token(),
        "scope": identity.scope(),
    });
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refused(core: &Core) -> Refusal {
    let reason = match core.auth.is_open() {
        true => "the gateway has no tokens, so there is nothing to log in to",
        false => "the token is not valid: it is unknown, expired or revoked",
    };
    Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthorized, reason)
}

/// The cookie of a session. Without a path of its own a browser sends it below the folder of the login only: the gateway's
/// own path, also where a proxy has taken a part of it off.
fn cookie(peer: Peer, id: &str, max_age: u64) -> [(axum::http::HeaderName, HeaderValue); 1] {
    let [host_name, secure_name, name] = COOKIE_NAMES;
    let attributes = format!("Max-Age={max_age}; HttpOnly; SameSite=Strict");
    let text = match (peer.is_secure, peer.is_below_a_path) {
        (false, _) => format!("{name}={id}; {attributes}"),
        (true, true) => format!("{secure_name}={id}; {attributes}; Secure"),
        (true, false) => format!("{host_name}={id}; Path=/; {attributes}; Secure"),
    };
    // The characters of an id are those of base64url.
    [(SET_COOKIE, HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("")))]
}

fn token_of_form(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    // The characters of a token are not encoded in a form.
    text.split('&').find_map(|field| field.strip_prefix("token=")).map(str::to_owned)
}

fn entry(action: &str, identity: Option<&Identity>, peer: Peer) -> AuditEntry {
    AuditEntry {
        at: WallTime::now(),
        caller_id: identity.map(|identity| identity.caller_id().clone()),
        token_id: identity.and_then(|identity| identity.token_id().cloned()),
        address: peer.address,
        action: action.into(),
        target: None,
        detail: None,
    }
}
