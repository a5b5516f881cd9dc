use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use super::authenticate::authenticate;
use super::cors::cors;
use super::health::{healthz, readyz};
use super::identify_peer::identify_peer;
use super::login::{login, logout, session};
use super::metrics::metrics;
use super::origin_guard::origin_guard;
use super::refusal::Refusal;
use super::routes::Routes;
use super::rpc_route::rpc;
use super::security_headers::security_headers;
use super::ws_route::ws;
use crate::auth::Access;
use crate::core::Core;
use crate::dashboard;
use crate::rpc::Code;

/// All routes.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/healthz", Access::Public, get(healthz))
        .get("/readyz", Access::Public, get(readyz))
        .get("/metrics", Access::Read, get(metrics))
        .post("/login", Access::Public, post(login))
        .post("/logout", Access::Read, post(logout))
        .get("/session", Access::Read, get(session))
        .post("/rpc", Access::Read, post(rpc))
        .get("/ws", Access::Read, get(ws))
        .merge(dashboard::router())
}

/// The routes behind what every request passes.
pub(crate) fn router(core: &Core) -> Router {
    routes()
        .into_router()
        .fallback(|| async {
            Refusal::new(
                StatusCode::NOT_FOUND,
                Code::NotFound,
                "there is nothing at this path; calls go to /rpc and /ws, and the pages begin at /",
            )
        })
        .method_not_allowed_fallback(|| async {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::InvalidRequest,
                "this path is for other methods of HTTP, which the header Allow names",
            )
        })
        // Each route that reads a body has limits of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(core.clone(), authenticate))
        .layer(from_fn_with_state(core.clone(), identify_peer))
        .layer(from_fn_with_state(core.clone(), cors))
        .layer(from_fn_with_state(core.clone(), origin_guard))
        .layer(from_fn_with_state(core.clone(), dashboard::refusal_page))
        .layer(from_fn(security_headers))
        .with_state(core.clone())
}
