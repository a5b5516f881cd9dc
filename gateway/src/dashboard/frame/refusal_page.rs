use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

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
    let mut response = next.run(request).await;
    let extensions = response.extensions_mut();
    let error = match (extensions.remove::<PageError>(), extensions.remove::<Refusal>()) {
        (Some(error), _) => error,
        (None, Some(refusal)) => of_refusal(&refusal),
        (None, None) => return response,
    };
    let identity = core.auth.identify(&headers).ok().flatten();
    let visit = Visit::new(&core, &uri, &headers, address, identity);
    let status = error.status;
    let page = if is_partial {
        Notice::error(&visit, &error).response(status).unwrap_or_else(IntoResponse::into_response)
    } else {
        let needs_token = status == StatusCode::UNAUTHORIZED;
        let shell = Shell::new(&visit, Section::None, error.title.clone());
        let html = ErrorPage { shell, error, needs_token }.render().unwrap_or_default();
        (status, Html(html)).into_response()
    };
    // Such as how long to wait, and a cookie that ends a session.
    let (mut parts, body) = page.into_parts();
    for name in [header::RETRY_AFTER, header::SET_COOKIE] {
        if let Some(value) = response.headers_mut().remove(&name) {
            parts.headers.insert(name, value);
        }
    }
    Response::from_parts(parts, body)
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html")
}

fn of_refusal(refusal: &Refusal) -> PageError {
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
    PageError::new(refusal.status(), title, refusal.reason(), hint)
}
