use axum::routing::{get, post};

use super::assets::asset;
use super::pages::{audit, errors, handlers, login, overview, playground, queues, task, tasks};
use crate::auth::Access;
use crate::http::Routes;

/// The routes of the pages.
pub(crate) fn router() -> Routes {
    Routes::new()
        .get("/assets/{version}/{*name}", Access::Public, get(asset))
        .get("/login", Access::Public, get(login::login))
        .get("/", Access::Read, get(overview::overview))
        .get("/tasks", Access::Read, get(tasks::tasks))
        .get("/tasks/bulk", Access::Call, get(tasks::ask))
        .post("/tasks/bulk", Access::Call, post(tasks::carry_out))
        .get("/tasks/{id}", Access::Read, get(task::task))
        .get("/tasks/{id}/{part}", Access::Read, get(task::raw))
        .post("/tasks/{id}/cancel", Access::Call, post(task::cancel))
        .post("/tasks/{id}/run", Access::Call, post(task::run_again))
        .get("/errors", Access::Read, get(errors::errors))
        .get("/queues", Access::Read, get(queues::queues))
        .post("/queues/{id}/pause", Access::Admin, post(queues::pause))
        .post("/queues/{id}/resume", Access::Admin, post(queues::resume))
        .get("/handlers", Access::Read, get(handlers::handlers))
        .get("/handlers/{worker_id}/{name}", Access::Read, get(handlers::handler))
        .get("/methods/{worker_id}/{name}", Access::Read, get(handlers::method))
        .get("/methods/{worker_id}/{name}/schema", Access::Read, get(handlers::schema))
        .post("/methods/{worker_id}/{name}", Access::Call, post(handlers::call))
        .get("/playground", Access::Scripts, get(playground::playground))
        .post("/playground", Access::Scripts, post(playground::run))
        .get("/audit", Access::Admin, get(audit::audit))
}
