use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use futures::try_join;
use rhai_dispatcher::Invalid;
use rhai_dispatcher::activity::{ActivityFilter, FilterError};
use serde::Deserialize;
use tokio::time::sleep;

use super::ended::{EndedRow, read_ended};
use super::suggestions::suggestions;
use super::unfinished::{UnfinishedRow, read_unfinished};
use crate::auth::Access;
use crate::dashboard::frame::{LivePage, PageError, Section, Shell, Visit, encode, live};
use crate::dashboard::text::{count, shown};

/// What is searched, and which page.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::dashboard) struct Search {
    /// The text of a filter.
    #[serde(default)]
    q: String,
    /// From where the page of ends continues.
    after: Option<String>,
    /// From where the page of unfinished tasks continues.
    from: Option<String>,
}

/// What the list of tasks shows.
#[derive(Debug)]
pub(in crate::dashboard) struct Tasks {
    q: String,
    problem: Option<Problem>,
    unfinished: Vec<UnfinishedRow>,
    rows: Vec<EndedRow>,
    /// At how many unfinished tasks the page has looked.
    looked_at: String,
    /// Whether it has the part of the unfinished tasks, and that of the ended ones.
    has_unfinished: bool,
    has_ended: bool,
    /// The queries of further pages.
    more_unfinished: Option<String>,
    more_ended: Option<String>,
    /// Whether it is not the first page.
    is_later: bool,
    suggestions: String,
    can_act: bool,
}

/// Why a filter can't be used, and where.
#[derive(Debug)]
struct Problem {
    what: String,
    hint: String,
    marked: String,
}

#[derive(Debug, Template)]
#[template(path = "tasks.html")]
struct Page {
    shell: Shell,
    view: Tasks,
}

#[derive(Debug, Template)]
#[template(path = "tasks_live.html")]
struct Part<'a> {
    shell: &'a Shell,
    view: &'a Tasks,
}

#[derive(Debug)]
struct TasksPage(Search);

/// Rows of a page.
const ROWS: usize = 50;

/// `GET /tasks`
pub(in crate::dashboard) async fn tasks(
    visit: Visit,
    Query(search): Query<Search>,
) -> Result<Response, PageError> {
    live(visit, TasksPage(search)).await
}

impl LivePage for TasksPage {
    type View = Tasks;

    async fn read(&mut self, visit: &Visit) -> Result<Tasks, PageError> {
        let Search { q, after, from } = &self.0;
        let mut view = Tasks::empty(q, visit);
        view.is_later = after.is_some() || from.is_some();
        (view.has_unfinished, view.has_ended) = (after.is_none(), from.is_none());
        let suggestions = async {
            // Only the whole page has a search.
            if visit.wants_events { Ok(String::new()) } else { suggestions(visit).await }
        };
        let filter: ActivityFilter = match q.parse() {
            Ok(filter) => filter,
            Err(error) => {
                view.problem = Some(Problem::of(&error));
                view.suggestions = suggestions.await?;
                return Ok(view);
            }
        };
        let (from, after) = (place(from.as_deref())?, place(after.as_deref())?);
        let unfinished = async {
            match view.has_unfinished {
                true => read_unfinished(visit, &filter, from, ROWS).await.map(Some),
                false => Ok(None),
            }
        };
        let ended = async {
            match view.has_ended {
                true => read_ended(visit, &filter, after, ROWS).await.map(Some),
                false => Ok(None),
            }
        };
        // Each of them waits for the store.
        let (suggestions, unfinished, ended) = try_join!(suggestions, unfinished, ended)?;
        view.suggestions = suggestions;
        let more = |name: &str, value: &str| Some(format!("?q={}&{name}={}", encode(q), encode(value)));
        if let Some(page) = unfinished {
            view.unfinished = page.rows;
            view.looked_at = count(page.looked_at);
            view.more_unfinished = page.next.and_then(|next| more("from", &next.to_string()));
        }
        if let Some((rows, next)) = ended {
            view.rows = rows;
            view.more_ended = next.and_then(|next| more("after", &next.to_string()));
        }
        Ok(view)
    }

    fn changed(&mut self) -> impl Future<Output = ()> + Send {
        /// A search may have to look at the whole activity.
        const SEARCH_PERIOD: Duration = Duration::from_secs(5);
        sleep(if self.0.q.is_empty() { Self::PERIOD } else { SEARCH_PERIOD })
    }

    fn shell(&self, visit: &Visit, _view: &Tasks) -> Shell {
        Shell::new(visit, Section::Tasks, "Tasks")
    }

    fn page(shell: Shell, view: Tasks) -> impl Template {
        Page { shell, view }
    }

    fn part<'a>(shell: &'a Shell, view: &'a Tasks) -> impl Template + 'a {
        Part { shell, view }
    }
}

impl Tasks {
    fn empty(q: &str, visit: &Visit) -> Self {
        Self {
            q: q.to_owned(),
            problem: None,
            unfinished: Vec::new(),
            rows: Vec::new(),
            looked_at: String::new(),
            has_unfinished: false,
            has_ended: false,
            more_unfinished: None,
            more_ended: None,
            is_later: false,
            suggestions: String::new(),
            can_act: visit.allows(Access::Call),
        }
    }

    /// Searches that are often made: a name and a filter.
    fn presets() -> [(&'static str, &'static str); 5] {
        [
            ("All", ""),
            ("Running", "status:processing"),
            ("Waiting", "status:pending"),
            ("Failed", "status:error"),
            ("Slower than 1 s", "slower:1s"),
        ]
    }
}

/// The place where a page begins.
fn place<T: FromStr<Err = Invalid>>(text: Option<&str>) -> Result<Option<T>, PageError> {
    let place = text.map(str::parse).transpose();
    place.map_err(|invalid: Invalid| PageError::bad(invalid.to_string(), "Begin with the first page."))
}

impl Problem {
    fn of(error: &FilterError) -> Self {
        let marked = if error.text.is_empty() { String::new() } else { shown(&error.marked()) };
        Self { what: shown(&error.problem), hint: shown(&error.hint), marked }
    }
}
