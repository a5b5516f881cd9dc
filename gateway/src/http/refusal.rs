use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::auth::Access;
use crate::rpc::{Answer, Code, ErrorObject, Id};

/// A request that is refused before a method runs: a status, and an error object with the id `null`.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: ErrorObject,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: Code, reason: impl Into<String>) -> Self {
        Self { status, error: ErrorObject::because(code, reason) }
    }

    /// What a limit of this name refuses.
    pub(crate) fn limit(
        status: StatusCode,
        name: &'static str,
        limit: usize,
        reason: impl Into<String>,
    ) -> Self {
        Self { status, error: ErrorObject::limit(name, limit, reason) }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, for a person.
    pub(crate) fn reason(&self) -> &str {
        self.error.reason()
    }

    /// The request has no valid token.
    pub(crate) fn unauthorized() -> Self {
        let reason = "a valid token is needed; send it as `Authorization: Bearer TOKEN`";
        Self::new(StatusCode::UNAUTHORIZED, Code::Unauthorized, reason)
    }

    /// The token does not have the access.
    pub(crate) fn forbidden(access: Access) -> Self {
        let reason = format!("the token does not allow what needs `{}`", access.as_str());
        Self::new(StatusCode::FORBIDDEN, Code::Forbidden, reason)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = Answer::error(&Id::null(), &self.error).into_text();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], text).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For the page that a browser gets in its place.
        response.extensions_mut().insert(self);
        response
    }
}
