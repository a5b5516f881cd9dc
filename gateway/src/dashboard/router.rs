use axum::routing::get;

use super::index::index;
use crate::auth::Access;
use crate::http::Routes;

/// The routes of the pages. Their handlers have the caller as an extension, an [`Identity`](crate::Identity).
pub(crate) fn router() -> Routes {
    Routes::new().get("/", Access::Public, get(index))
}
