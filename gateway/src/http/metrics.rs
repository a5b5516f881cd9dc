use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::core::Core;
use crate::rpc::Code;

/// `GET /metrics`. It needs a token, as its labels name worker ids and methods.
pub(super) async fn metrics(State(core): State<Core>) -> Result<Response, Refusal> {
    const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
    let Some(text) = &core.metrics_text else {
        let reason = "this program keeps no metrics; `rhaid serve` does";
        return Err(Refusal::new(StatusCode::NOT_FOUND, Code::NotFound, reason));
    };
    Ok(([(header::CONTENT_TYPE, TYPE), (header::CACHE_CONTROL, "no-store")], text.render().await)
        .into_response())
}
