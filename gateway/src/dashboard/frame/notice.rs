use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::{PageError, Visit};

/// A short message on the page from which something was done.
#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub(in crate::dashboard) struct Notice {
    is_error: bool,
    text: String,
    hint: String,
    /// A page that belongs to it, from the root, and its name.
    link: Option<(String, String)>,
    root: String,
}

impl Notice {
    pub(in crate::dashboard) fn new(visit: &Visit, text: impl Into<String>) -> Self {
        Self { is_error: false, text: text.into(), hint: String::new(), link: None, root: visit.root.clone() }
    }

    pub(super) fn error(visit: &Visit, error: &PageError) -> Self {
        let hint = error.hint.clone();
        Self { is_error: true, hint, ..Self::new(visit, error.problem.clone()) }
    }

    /// The same message with a link to a page, whose path is given from the root.
    pub(in crate::dashboard) fn with_link(
        mut self,
        path: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        self.link = Some((path.into(), name.into()));
        self
    }

    pub(in crate::dashboard) fn response(&self, status: StatusCode) -> Result<Response, PageError> {
        let html = self.render().map_err(PageError::render)?;
        // Wherever the answer would have been put: a message is in the place of messages.
        let place = [("hx-retarget", "#notices"), ("hx-reswap", "innerHTML")];
        Ok((status, [(header::VARY, "hx-request")], place, Html(html)).into_response())
    }

    /// Makes the page go to another one, whose path is given from the root.
    pub(in crate::dashboard) fn go_to(path: &str) -> Response {
        let event = json!({ "rhaid:go": { "path": path } }).to_string();
        // What can't be in a header is encoded in a path.
        let event = HeaderValue::try_from(event).unwrap_or_else(|_| HeaderValue::from_static("{}"));
        (StatusCode::NO_CONTENT, [("hx-trigger", event)]).into_response()
    }
}
