use askama::Template;
use axum::response::Response;

use crate::dashboard::frame::{PageError, Section, Shell, Visit, render};

#[derive(Debug, Template)]
#[template(path = "login.html")]
struct Page {
    shell: Shell,
    /// Whether the gateway has no tokens.
    is_open: bool,
    /// Who is logged in.
    name: Option<String>,
}

/// `GET /login`
pub(in crate::dashboard) async fn login(visit: Visit) -> Result<Response, PageError> {
    let shell = Shell::new(&visit, Section::None, "Log in");
    render(&Page { is_open: visit.core.auth.is_open(), name: shell.caller.clone(), shell })
}
