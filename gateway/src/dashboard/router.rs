use axum::routing::{get, post};

use super::assets::asset;
use super::pages::{login, overview, queues};
use crate::auth::Access;
use crate::http::Routes;

/// The routes of the pages.
pub(crate) fn router() -> Routes {
    Routes::new()
        .get("/assets/{version}/{*name}", Access::Public, get(asset))
        .get("/login", Access::Public, get(login::login))
        .get("/", Access::Read, get(overview::overview))
        .get("/queues", Access::Read, get(queues::queues))
        .post("/queues/{id}/pause", Access::Admin, post(queues::pause))
        .post("/queues/{id}/resume", Access::Admin, post(queues::resume))
}
