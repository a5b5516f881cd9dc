use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Answers with a text that a page shows a part of, or with signs in place of characters: whole and unchanged. A browser
/// shows it as text, whatever it is.
pub(in crate::dashboard) fn plain_text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
