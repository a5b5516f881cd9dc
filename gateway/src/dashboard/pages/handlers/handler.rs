use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::activity::ActivityFilter;

use super::figures_view::FiguresView;
use crate::dashboard::frame::{LivePage, PageError, Paging, Section, Shell, Visit, live};
use crate::dashboard::pages::tasks::{EndedRow, read_ended};
use crate::dashboard::text::{Excerpt, counted, shown};

/// What the page of a handler shows.
#[derive(Debug)]
pub(in crate::dashboard) struct Handler {
    name: String,
    worker_id: String,
    about: String,
    typ: &'static str,
    /// How many calls each instance runs at once, in words; none without a limit.
    threads: Option<String>,
    file: Option<String>,
    instances: String,
    figures: FiguresView,
    methods: Vec<MethodRow>,
    /// Where the next page of methods begins.
    next: Option<usize>,
    is_later: bool,
    rows: Vec<EndedRow>,
}

/// A method.
#[derive(Debug)]
struct MethodRow {
    name: String,
    about: String,
    figures: FiguresView,
}

#[derive(Debug, Template)]
#[template(path = "handler.html")]
struct Page {
    shell: Shell,
    view: Handler,
}

#[derive(Debug, Template)]
#[template(path = "handler_live.html")]
struct Part<'a> {
    shell: &'a Shell,
    view: &'a Handler,
}

#[derive(Debug)]
struct HandlerPage {
    worker_id: WorkerId,
    name: String,
    paging: Paging,
}

/// Methods of a page.
const MAX_METHODS: usize = 50;
/// As many bytes its description takes.
const MAX_ABOUT_BYTES: usize = 16 * 1024;
/// As many of its last calls.
const MAX_CALLS: usize = 20;

/// `GET /handlers/{worker_id}/{name}`
pub(in crate::dashboard) async fn handler(
    visit: Visit,
    Path((worker_id, name)): Path<(String, String)>,
    Query(paging): Query<Paging>,
) -> Result<Response, PageError> {
    let worker_id = WorkerId::try_from(worker_id).map_err(|invalid| {
        PageError::bad(invalid.to_string(), "The list of handlers has all that there are.")
    })?;
    live(visit, HandlerPage { worker_id, name, paging }).await
}

impl LivePage for HandlerPage {
    type View = Handler;

    async fn read(&mut self, visit: &Visit) -> Result<Handler, PageError> {
        let unknown = || {
            PageError::not_found(
                &format!("No living worker of {} has a handler {}.", self.worker_id, shown(&self.name)),
                "Its worker may have ended. The list of handlers has all that there are.",
            )
        };
        let scope = visit.scope().filter(|scope| scope.allows_worker(&self.worker_id)).ok_or_else(unknown)?;
        let dispatcher = visit.dispatcher();
        let all = dispatcher.get_handlers().await?;
        let found =
            all.iter().find(|handler| handler.worker_id == self.worker_id && handler.name == self.name);
        let handler = found.ok_or_else(unknown)?;
        let seen: Vec<_> =
            handler.methods.iter().filter(|method| scope.sees_method(&method.info.name)).collect();
        if seen.is_empty() {
            return Err(unknown());
        }
        let (methods, next) = self.paging.page(seen, MAX_METHODS);
        let now = dispatcher.transport().clock().wall();
        let filter: ActivityFilter = format!("worker:{} handler:{}", self.worker_id, self.name)
            .parse()
            .unwrap_or_else(|_| ActivityFilter::new().with_worker_id(self.worker_id.clone()));
        let (rows, _) = read_ended(visit, &filter, None, MAX_CALLS).await?;
        Ok(Handler {
            name: handler.name.clone(),
            worker_id: handler.worker_id.to_string(),
            about: Excerpt::of(&handler.description, MAX_ABOUT_BYTES).text,
            typ: handler.typ.as_str(),
            threads: (handler.threads > 0).then(|| counted(handler.threads, "call")),
            file: handler.file.as_deref().map(|file| Excerpt::line(file, 200)),
            instances: counted(handler.instances.len(), "instance"),
            figures: FiguresView::new(&handler.figures, now),
            next,
            is_later: self.paging.is_later(),
            methods: methods
                .iter()
                .map(|method| MethodRow {
                    name: method.info.name.to_string(),
                    about: Excerpt::line(&method.info.description, 120),
                    figures: FiguresView::new(&method.figures, now),
                })
                .collect(),
            rows,
        })
    }

    fn shell(&self, visit: &Visit, view: &Handler) -> Shell {
        Shell::new(visit, Section::Handlers, view.name.clone())
    }

    fn page(shell: Shell, view: Handler) -> impl Template {
        Page { shell, view }
    }

    fn part<'a>(shell: &'a Shell, view: &'a Handler) -> impl Template + 'a {
        Part { shell, view }
    }
}
