use axum::extract::State;
use axum::http::StatusCode;

use crate::core::Core;

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: calls would be taken now: the transport is connected, and the gateway does not shut down.
pub(super) async fn readyz(State(core): State<Core>) -> (StatusCode, &'static str) {
    if core.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the gateway shuts down\n");
    }
    match core.dispatcher.transport().health().connected {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the transport is not connected\n"),
    }
}
