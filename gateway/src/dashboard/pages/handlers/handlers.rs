use askama::Template;
use axum::response::Response;
use rhai_dispatcher::dispatcher::HandlerStatus;

use super::figures_view::FiguresView;
use crate::dashboard::frame::{LivePage, PageError, Section, Shell, Visit, live};
use crate::dashboard::text::Excerpt;

/// What the list of handlers shows.
#[derive(Debug)]
pub(in crate::dashboard) struct Handlers {
    rows: Vec<Row>,
    more: usize,
}

/// A handler of a worker id.
#[derive(Debug)]
struct Row {
    worker_id: String,
    name: String,
    typ: &'static str,
    about: String,
    methods: usize,
    instances: usize,
    /// Whether there is a page of it.
    has_page: bool,
    figures: FiguresView,
}

#[derive(Debug, Template)]
#[template(path = "handlers.html")]
struct Page {
    shell: Shell,
    view: Handlers,
}

#[derive(Debug, Template)]
#[template(path = "handlers_live.html")]
struct Part<'a> {
    shell: &'a Shell,
    view: &'a Handlers,
}

#[derive(Debug)]
struct HandlersPage;

/// As many are shown.
const MAX_ROWS: usize = 200;

/// `GET /handlers`
pub(in crate::dashboard) async fn handlers(visit: Visit) -> Result<Response, PageError> {
    live(visit, HandlersPage).await
}

impl LivePage for HandlersPage {
    type View = Handlers;

    async fn read(&mut self, visit: &Visit) -> Result<Handlers, PageError> {
        let all = visit.dispatcher().get_handlers().await?;
        let now = visit.dispatcher().transport().clock().wall();
        let Some(scope) = visit.scope() else { return Ok(Handlers { rows: Vec::new(), more: 0 }) };
        let seen: Vec<&HandlerStatus> = all
            .iter()
            .filter(|handler| scope.allows_worker(&handler.worker_id))
            .filter(|handler| {
                handler.methods.is_empty()
                    || handler.methods.iter().any(|method| scope.sees_method(&method.info.name))
            })
            .collect();
        let rows = seen.iter().take(MAX_ROWS).map(|handler| Row {
            worker_id: handler.worker_id.to_string(),
            name: handler.name.clone(),
            typ: handler.typ.as_str(),
            about: Excerpt::line(&handler.description, 100),
            methods: handler.methods.len(),
            instances: handler.instances.len(),
            has_page: !handler.methods.is_empty(),
            figures: FiguresView::new(&handler.figures, now),
        });
        Ok(Handlers { rows: rows.collect(), more: seen.len().saturating_sub(MAX_ROWS) })
    }

    fn shell(&self, visit: &Visit, _view: &Handlers) -> Shell {
        Shell::new(visit, Section::Handlers, "Handlers")
    }

    fn page(shell: Shell, view: Handlers) -> impl Template {
        Page { shell, view }
    }

    fn part<'a>(shell: &'a Shell, view: &'a Handlers) -> impl Template + 'a {
        Part { shell, view }
    }
}
