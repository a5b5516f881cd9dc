use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::PageError;
use crate::dashboard::text::Excerpt;

/// A short message on the page from which something was done.
#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub(in crate::dashboard) struct Notice {
    is_error: bool,
    text: String,
    hint: String,
}

/// As many bytes it takes in a page.
const MAX_BYTES: usize = 4 * 1024;

impl Notice {
    pub(in crate::dashboard) fn new(text: impl Into<String>) -> Self {
        Self { is_error: false, text: Excerpt::of(&text.into(), MAX_BYTES).text, hint: String::new() }
    }

    pub(super) fn error(error: &PageError) -> Self {
        Self { is_error: true, text: error.problem.clone(), hint: error.hint.clone() }
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
