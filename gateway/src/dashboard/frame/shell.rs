use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::{PageError, Visit};
use crate::auth::Access;
use crate::dashboard::assets;

/// What the frame around a page says.
#[derive(Debug)]
pub(in crate::dashboard) struct Shell {
    pub(in crate::dashboard) title: String,
    pub(in crate::dashboard) section: Section,
    pub(in crate::dashboard) root: String,
    pub(in crate::dashboard) query: String,
    /// The folder of the assets.
    pub(in crate::dashboard) assets: &'static str,
    /// The name of the caller, if there is one with a session.
    pub(in crate::dashboard) caller: Option<String>,
    /// The headers of all requests of the page's scripts, as JSON.
    pub(in crate::dashboard) headers: String,
    pub(in crate::dashboard) can_run_scripts: bool,
    pub(in crate::dashboard) is_admin: bool,
    /// Whether the caller may see pages.
    pub(in crate::dashboard) can_read: bool,
    pub(in crate::dashboard) version: &'static str,
}

/// A part of the pages, as it is in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) enum Section {
    Overview,
    Tasks,
    Errors,
    Queues,
    Handlers,
    Playground,
    Audit,
    None,
}

impl Shell {
    pub(in crate::dashboard) fn new(visit: &Visit, section: Section, title: impl Into<String>) -> Self {
        let csrf = visit.identity.as_ref().and_then(|identity| identity.csrf_token());
        let headers = match csrf {
            Some(csrf) => serde_json::json!({ "x-csrf-token": csrf, "x-page-root": visit.root }),
            None => serde_json::json!({ "x-page-root": visit.root }),
        };
        Self {
            title: title.into(),
            section,
            root: visit.root.clone(),
            query: visit.query.clone(),
            assets: assets::version(),
            caller: csrf.and(visit.identity.as_ref()).map(|identity| identity.caller_id().to_string()),
            headers: headers.to_string(),
            can_read: visit.allows(Access::Read),
            can_run_scripts: visit.allows(Access::Scripts),
            is_admin: visit.allows(Access::Admin),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// A template as the answer to a request.
///
/// # Errors
/// None that can happen: writing to a text does not fail.
pub(in crate::dashboard) fn render(template: &impl Template) -> Result<Response, PageError> {
    let html = template.render().map_err(PageError::render)?;
    Ok((StatusCode::OK, [(header::VARY, "accept, hx-request")], Html(html)).into_response())
}
