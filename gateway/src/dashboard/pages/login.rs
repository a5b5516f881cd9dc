use askama::Template;
use axum::response::Response;

use crate::dashboard::frame::{PageError, Section, Shell, Visit, render};

#[derive(Debug, Template)]
#[template(path = "login.html")]
struct Page {
    shell: Shell,
    /// Whether the gateway has no tokens.
    is_open: bool,
}

/// `GET /login`
pub(in crate::dashboard) async fn login(visit: Visit) -> Result<Response, PageError> {
    let is_open = visit.core.auth.is_open();
    render(&Page { shell: Shell::new(&visit, Section::None, "Log in"), is_open })
}
