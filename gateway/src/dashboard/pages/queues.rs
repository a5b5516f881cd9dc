use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::transport::QueueInfo;

use crate::audit::to_its_end;
use crate::dashboard::frame::{LivePage, Notice, PageError, Paging, Section, Shell, Visit, live};
use crate::dashboard::monitor::{Point, Snapshot};
use crate::dashboard::text::{Ago, spark};

/// What the page of queues shows.
#[derive(Debug)]
pub(in crate::dashboard) struct Queues {
    queues: Vec<QueueRow>,
    /// Where the next page begins.
    next: Option<usize>,
    is_later: bool,
}

/// A queue.
#[derive(Debug)]
pub(in crate::dashboard) struct QueueRow {
    pub(in crate::dashboard) worker_id: String,
    pub(in crate::dashboard) ready: [usize; 3],
    pub(in crate::dashboard) waiting: usize,
    /// When the oldest ready task was accepted.
    pub(in crate::dashboard) oldest: Option<Ago>,
    pub(in crate::dashboard) delayed: usize,
    pub(in crate::dashboard) quarantined: usize,
    pub(in crate::dashboard) running: usize,
    pub(in crate::dashboard) instances: usize,
    pub(in crate::dashboard) is_paused: bool,
    /// How many tasks waited over the last minutes, as the points of a line.
    pub(in crate::dashboard) waiting_line: String,
    /// How many ran.
    pub(in crate::dashboard) running_line: String,
}

#[derive(Debug, Template)]
#[template(path = "queues.html")]
struct Page {
    shell: Shell,
    view: Queues,
}

#[derive(Debug, Template)]
#[template(path = "queues_live.html")]
struct Part<'a> {
    shell: &'a Shell,
    view: &'a Queues,
}

#[derive(Debug)]
struct QueuesPage(Paging);

/// Rows of a page.
const ROWS: usize = 50;

/// `GET /queues`
pub(in crate::dashboard) async fn queues(
    visit: Visit,
    Query(paging): Query<Paging>,
) -> Result<Response, PageError> {
    live(visit, QueuesPage(paging)).await
}

/// `POST /queues/{id}/pause`
pub(in crate::dashboard) async fn pause(visit: Visit, Path(id): Path<String>) -> Result<Response, PageError> {
    set_paused(&visit, &id, true).await
}

/// `POST /queues/{id}/resume`
pub(in crate::dashboard) async fn resume(
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    set_paused(&visit, &id, false).await
}

async fn set_paused(visit: &Visit, id: &str, paused: bool) -> Result<Response, PageError> {
    let id = WorkerId::try_from(id).map_err(|invalid| PageError::bad(invalid.to_string(), ""))?;
    if !visit.scope().is_some_and(|scope| scope.allows_worker(&id)) {
        return Err(PageError::forbidden(format!("The token does not allow the worker id {id}.")));
    }
    let (visit, worker_id) = (visit.clone(), id.clone());
    to_its_end(&visit.core.clone(), async move {
        visit.dispatcher().transport().set_paused(&worker_id, paused).await?;
        visit.audit(if paused { "queue.pause" } else { "queue.resume" }, worker_id.to_string(), None).await;
        Ok::<_, PageError>(())
    })
    .await?;
    let text = match paused {
        true => format!("The queue {id} is paused: its workers claim no more tasks until it is resumed."),
        false => format!("The queue {id} is resumed."),
    };
    Notice::new(text).response(StatusCode::OK)
}

impl LivePage for QueuesPage {
    type View = Queues;

    async fn read(&mut self, visit: &Visit) -> Result<Queues, PageError> {
        let snapshot = visit.core.monitor.read(visit.dispatcher().transport()).await?;
        let sees = |id: &_| visit.scope().is_some_and(|scope| scope.allows_worker(id));
        let seen = snapshot.queues.iter().filter(|queue| sees(&queue.worker_id)).collect();
        let (queues, next) = self.0.page(seen, ROWS);
        Ok(Queues {
            queues: queues.into_iter().map(|queue| QueueRow::of(queue, &snapshot)).collect(),
            next,
            is_later: self.0.is_later(),
        })
    }

    fn shell(&self, visit: &Visit, _view: &Queues) -> Shell {
        Shell::new(visit, Section::Queues, "Queues")
    }

    fn page(shell: Shell, view: Queues) -> impl Template {
        Page { shell, view }
    }

    fn part<'a>(shell: &'a Shell, view: &'a Queues) -> impl Template + 'a {
        Part { shell, view }
    }
}

impl QueueRow {
    pub(in crate::dashboard) fn of(queue: &QueueInfo, snapshot: &Snapshot) -> Self {
        /// The intervals of the last 2 minutes.
        const INTERVALS: usize = 60;
        let points = snapshot.points_of(&queue.worker_id);
        let last = &points[points.len().saturating_sub(INTERVALS)..];
        let line = |of: fn(&Point) -> Option<usize>| {
            spark(&last.iter().map(|point| of(point).map(|number| number as f64)).collect::<Vec<_>>())
        };
        Self {
            worker_id: queue.worker_id.to_string(),
            ready: queue.ready,
            waiting: queue.waiting(),
            oldest: queue.oldest_ready.map(|oldest| Ago::new(oldest, snapshot.now)),
            delayed: queue.delayed,
            quarantined: queue.quarantined,
            running: queue.claimed,
            instances: queue.instances,
            is_paused: queue.paused,
            waiting_line: line(|point| point.waiting),
            running_line: line(|point| point.running),
        }
    }
}
