use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rhai_dispatcher::RhaiDispatcherError;
use rhai_dispatcher::transport::TransportError;

use crate::dashboard::text::Excerpt;

/// Why a page could not be made: what is wrong, and the way out.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct PageError {
    pub(in crate::dashboard) status: StatusCode,
    pub(in crate::dashboard) title: String,
    pub(in crate::dashboard) problem: String,
    pub(in crate::dashboard) hint: String,
}

/// As many bytes the description of a problem takes in a page.
const MAX_PROBLEM_BYTES: usize = 4 * 1024;

impl PageError {
    pub(in crate::dashboard) fn new(
        status: StatusCode,
        title: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        // It may quote what was sent.
        let problem = Excerpt::of(&problem.into(), MAX_PROBLEM_BYTES).text;
        Self { status, title: title.into(), problem, hint: hint.into() }
    }

    /// There is nothing under that path.
    pub(in crate::dashboard) fn not_found(what: &str, hint: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", what, hint)
    }

    /// Something that was sent is not what it has to be.
    pub(in crate::dashboard) fn bad(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "This does not work", problem, hint)
    }

    /// The caller may not do that.
    pub(in crate::dashboard) fn forbidden(problem: impl Into<String>) -> Self {
        let hint = "Log in with a token whose scope allows it.";
        Self::new(StatusCode::FORBIDDEN, "Not allowed", problem, hint)
    }

    pub(super) fn render(error: askama::Error) -> Self {
        tracing::error!(%error, "a page was not rendered");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(
            status,
            "The page can't be shown",
            "It could not be rendered.",
            "The log of the gateway says why.",
        )
    }
}

impl From<RhaiDispatcherError> for PageError {
    fn from(error: RhaiDispatcherError) -> Self {
        let text = error.to_string();
        match error {
            RhaiDispatcherError::NotFound(_) | RhaiDispatcherError::Lost(_) => Self::new(
                StatusCode::NOT_FOUND,
                "This task is not known",
                text,
                "Records are kept for a limited time after the end of a task. Look for newer tasks in the list.",
            ),
            RhaiDispatcherError::Unavailable(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The store is away",
                text,
                "Tasks that were accepted are kept. This page is read again as soon as the store answers.",
            ),
            RhaiDispatcherError::Refused(_) | RhaiDispatcherError::Protocol(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "The store refuses",
                text,
                "Check the URL and the rights of the gateway, and the server's version.",
            ),
            RhaiDispatcherError::QueueFull { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "The queue is full", text, "")
            }
            _ => Self::bad(text, ""),
        }
    }
}

impl From<TransportError> for PageError {
    fn from(error: TransportError) -> Self {
        RhaiDispatcherError::from(error).into()
    }
}

/// A text for programs. For browsers [`refusal_page`](super::refusal_page()) makes a page of it.
impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let text = format!("{}\n{}\n", self.problem, self.hint);
        let mut response = (self.status, text).into_response();
        response.extensions_mut().insert(self);
        response
    }
}
