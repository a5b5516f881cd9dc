use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;

use super::refusal::Refusal;
use crate::auth::{Access, Identity};
use crate::core::Core;

/// Routes, each with the access that it needs, which is checked before its handler runs.
///
/// The table of them is what tests go through: a route can't be added without its access.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    table: Vec<Route>,
    router: Router<Core>,
}

/// A route, as it is in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a route for GET, and HEAD.
    pub(crate) fn get(self, path: &'static str, access: Access, handler: MethodRouter<Core>) -> Self {
        self.add(Method::GET, path, access, handler)
    }

    /// Adds a route for POST.
    pub(crate) fn post(self, path: &'static str, access: Access, handler: MethodRouter<Core>) -> Self {
        self.add(Method::POST, path, access, handler)
    }

    /// Adds all routes of `others`.
    pub(crate) fn merge(mut self, others: Self) -> Self {
        self.table.extend(others.table);
        Self { table: self.table, router: self.router.merge(others.router) }
    }

    /// The routes, in the order in which they were added.
    #[cfg(test)]
    pub(crate) fn table(&self) -> &[Route] {
        &self.table
    }

    pub(crate) fn into_router(self) -> Router<Core> {
        self.router
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: MethodRouter<Core>,
    ) -> Self {
        let require = move |request: Request, next: Next| require(access, request, next);
        self.table.push(Route { method, path, access });
        Self {
            table: self.table,
            router: self.router.route(path, handler.layer(middleware::from_fn(require))),
        }
    }
}

/// Lets a request pass whose identity has `access`.
async fn require(access: Access, request: Request, next: Next) -> Result<Response, Refusal> {
    if access != Access::Public {
        match request.extensions().get::<Identity>() {
            None => return Err(Refusal::unauthorized()),
            Some(identity) if !identity.allows(access) => return Err(Refusal::forbidden(access)),
            Some(_) => {}
        }
    }
    Ok(next.run(request).await)
}
