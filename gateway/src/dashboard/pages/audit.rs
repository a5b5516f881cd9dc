use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use rhai_dispatcher::transport::WallTime;
use serde::Deserialize;

use crate::dashboard::frame::{PageError, Section, Shell, Visit, render};
use crate::dashboard::text::{Ago, Excerpt};

/// Which page.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Before {
    /// Only entries before this number.
    before: Option<u64>,
}

/// Something that was done.
#[derive(Debug)]
struct Row {
    at: Ago,
    caller: String,
    address: String,
    action: String,
    target: String,
    /// The page of the target, from the root, if it is a task.
    path: Option<String>,
    detail: String,
}

#[derive(Debug, Template)]
#[template(path = "audit.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    /// The number that the next page is before.
    next: Option<u64>,
    is_later: bool,
}

/// Rows of a page.
const ROWS: usize = 50;

/// `GET /audit`
pub(in crate::dashboard) async fn audit(
    visit: Visit,
    Query(page): Query<Before>,
) -> Result<Response, PageError> {
    let entries = visit.core.audit.list(page.before, ROWS);
    let next =
        entries.last().map(|(number, _)| *number).filter(|number| entries.len() == ROWS && *number > 0);
    let now = WallTime::now();
    let rows = entries.iter().map(|(_, entry)| {
        let target = entry.target.as_deref().unwrap_or_default();
        let is_task = target.parse::<rhai_dispatcher::TaskId>().is_ok();
        Row {
            at: Ago::new(entry.at, now),
            caller: entry
                .caller_id
                .as_deref()
                .map_or_else(|| "–".to_owned(), |caller| Excerpt::line(caller, 60)),
            address: entry.address.to_string(),
            action: entry.action.to_string(),
            path: is_task.then(|| format!("tasks/{target}")),
            target: Excerpt::line(target, 120),
            detail: entry.detail.as_deref().map(|detail| Excerpt::line(detail, 160)).unwrap_or_default(),
        }
    });
    let rows = rows.collect();
    render(&Page {
        shell: Shell::new(&visit, Section::Audit, "Audit"),
        rows,
        next,
        is_later: page.before.is_some(),
    })
}
