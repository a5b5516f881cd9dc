use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::body::read_body;
use crate::core::Core;

/// The form that a page sends, within the limits of every message.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Core> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, core: &Core) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let (max, timeout) = (core.config.max_message_bytes, core.config.body_timeout);
        let body = read_body(body, max, timeout).await.map_err(IntoResponse::into_response)?;
        let request = Request::from_parts(parts, Body::from(body));
        let form = axum::Form::from_request(request, core).await;
        form.map(|axum::Form(form)| Self(form)).map_err(IntoResponse::into_response)
    }
}
