use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use rhai_dispatcher::dispatcher::HandlerStatus;

use super::figures_view::FiguresView;
use crate::dashboard::frame::{LivePage, PageError, Paging, Section, Shell, Visit, live};
use crate::dashboard::text::Excerpt;

/// What the list of handlers shows.
#[derive(Debug)]
pub(in crate::dashboard) struct Handlers {
    rows: Vec<Row>,
    /// Where the next page begins.
    next: Option<usize>,
    is_later: bool,
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
struct HandlersPage(Paging);

/// Rows of a page.
const ROWS: usize = 100;

/// `GET /handlers`
pub(in crate::dashboard) async fn handlers(
    visit: Visit,
    Query(paging): Query<Paging>,
) -> Result<Response, PageError> {
    live(visit, HandlersPage(paging)).await
}

impl LivePage for HandlersPage {
    type View = Handlers;

    async fn read(&mut self, visit: &Visit) -> Result<Handlers, PageError> {
        let all = visit.dispatcher().get_handlers().await?;
        let now = visit.dispatcher().transport().clock().wall();
        let sees = |handler: &&HandlerStatus| {
            let Some(scope) = visit.scope() else { return false };
            let methods = &handler.methods;
            scope.allows_worker(&handler.worker_id)
                && (methods.is_empty() || methods.iter().any(|method| scope.sees_method(&method.info.name)))
        };
        let (seen, next) = self.0.page(all.iter().filter(sees).collect(), ROWS);
        let rows = seen.into_iter().map(|handler| Row {
            worker_id: handler.worker_id.to_string(),
            name: handler.name.clone(),
            typ: handler.typ.as_str(),
            about: Excerpt::line(&handler.description, 100),
            methods: handler.methods.len(),
            instances: handler.instances.len(),
            has_page: !handler.methods.is_empty(),
            figures: FiguresView::new(&handler.figures, now),
        });
        Ok(Handlers { rows: rows.collect(), next, is_later: self.0.is_later() })
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
