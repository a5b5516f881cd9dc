use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::response::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http_body_util::{BodyExt, Limited};

use super::visit::address_of;
use super::{Notice, PageError, Section, Shell, Visit};
use crate::core::Core;
use crate::http::Refusal;

/// A page in place of what is refused.
#[derive(Debug, Template)]
#[template(path = "error.html")]
struct ErrorPage {
    shell: Shell,
    error: PageError,
    /// Whether a token would help.
    needs_token: bool,
}

/// Makes a page of each refusal that a browser gets for a person; a program gets it as it is.
pub(crate) async fn refusal_page(State(core): State<Core>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_partial = headers.contains_key("hx-request");
    if !is_partial && !accepts_html(headers) {
        return next.run(request).await;
    }
    let (uri, headers) = (request.uri().clone(), headers.clone());
    let address = address_of(request.extensions());
    let (mut refused, body) = next.run(request).await.into_parts();
    let error = match (refused.extensions.remove::<PageError>(), refused.extensions.remove::<Refusal>()) {
        (Some(error), _) => error,
        (None, Some(refusal)) => of_refusal(&refusal, uri.path()),
        (None, None) if is_plain_refusal(&refused) => of_text(refused.status, body).await,
        (None, None) => return Response::from_parts(refused, body),
    };
    let identity = core.auth.identify(&headers).ok().flatten();
    let visit = Visit::new(&core, &uri, &headers, address, identity);
    let status = error.status;
    let page = if is_partial {
        Notice::error(&error).response(status).unwrap_or_else(IntoResponse::into_response)
    } else {
        let needs_token = status == StatusCode::UNAUTHORIZED;
        let shell = Shell::new(&visit, Section::None, error.title.clone());
        let html = ErrorPage { shell, error, needs_token }.render().unwrap_or_default();
        (status, Html(html)).into_response()
    };
    // Such as how long to wait, and a cookie that ends a session.
    let (mut parts, body) = page.into_parts();
    for name in [header::RETRY_AFTER, header::SET_COOKIE] {
        if let Some(value) = refused.headers.remove(&name) {
            parts.headers.insert(name, value);
        }
    }
    Response::from_parts(parts, body)
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html")
}

/// Such as that of a query or a form which can't be read.
fn is_plain_refusal(parts: &Parts) -> bool {
    let typ = parts.headers.get(header::CONTENT_TYPE);
    parts.status.is_client_error() && typ.is_some_and(|typ| typ.as_bytes().starts_with(b"text/plain"))
}

async fn of_text(status: StatusCode, body: Body) -> PageError {
    /// Such a text is short.
    const MAX_BYTES: usize = 4 * 1024;
    let text = Limited::new(body, MAX_BYTES).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    PageError::new(status, "This does not work", String::from_utf8_lossy(&text), "")
}

fn of_refusal(refusal: &Refusal, path: &str) -> PageError {
    let (title, hint) = match refusal.status() {
        StatusCode::UNAUTHORIZED => (
            "Log in",
            "`rhaid token new` makes a token. One that was revoked or has expired ends its sessions.",
        ),
        StatusCode::FORBIDDEN => ("Not allowed", "Log in with a token whose scope allows it."),
        StatusCode::NOT_FOUND => ("Not found", "The navigation has all pages."),
        StatusCode::TOO_MANY_REQUESTS => ("Too many requests", "Wait a moment, and try again."),
        _ => ("This does not work", ""),
    };
    // What a program is told is how to send a token.
    let reason = match refusal.status() {
        StatusCode::UNAUTHORIZED if path != "/login" => {
            "The pages need a token, or your session has ended.".to_owned()
        }
        _ => sentence(refusal.reason()),
    };
    PageError::new(refusal.status(), title, reason, hint)
}

/// A reason for a program, as a sentence.
fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
