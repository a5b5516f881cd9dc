use std::collections::HashMap;
use std::time::Duration;

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use rhai_dispatcher::activity::{ActivityEntry, ActivityFilter, ErrorFingerprint, ErrorGroups};
use rhai_dispatcher::transport::WallTime;
use serde::Deserialize;

use super::tasks::read_entries;
use crate::auth::Access;
use crate::dashboard::frame::{LivePage, PageError, Section, Shell, Visit, live};
use crate::dashboard::text::{Ago, Excerpt, count, counted, spark};

/// Of which time the errors are.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Range {
    since: Option<Since>,
}

/// The times that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Since {
    #[serde(rename = "15m")]
    Quarter,
    #[serde(rename = "1h")]
    Hour,
    #[serde(rename = "24h")]
    Day,
}

/// What the page of errors shows.
#[derive(Debug)]
pub(in crate::dashboard) struct Errors {
    since: Since,
    groups: Vec<Group>,
    total: String,
    more: usize,
    /// Whether older errors were not read.
    is_cut: bool,
    can_act: bool,
}

/// Errors with one fingerprint.
#[derive(Debug)]
struct Group {
    fingerprint: String,
    kind: &'static str,
    message: String,
    place: String,
    /// How many there are, as a number and over the time.
    number: u64,
    count: String,
    line: String,
    first: Ago,
    last: Ago,
    /// The task of the last one.
    task_id: String,
}

#[derive(Debug, Template)]
#[template(path = "errors.html")]
struct Page {
    shell: Shell,
    view: Errors,
}

#[derive(Debug, Template)]
#[template(path = "errors_live.html")]
struct Part<'a> {
    shell: &'a Shell,
    view: &'a Errors,
}

#[derive(Debug)]
struct ErrorsPage {
    since: Since,
}

/// As many errors are read.
const MAX_ERRORS: usize = 10_000;
/// Among so many ends they are looked for.
const MAX_LOOKED_AT: usize = ErrorGroups::MAX_READ;
/// As many groups are shown.
const MAX_GROUPS: usize = 100;
/// As many bytes an error takes in the page.
const MAX_MESSAGE_BYTES: usize = 600;
/// Parts of the time for which errors are counted.
const PARTS: usize = 30;

/// `GET /errors`
pub(in crate::dashboard) async fn errors(
    visit: Visit,
    Query(range): Query<Range>,
) -> Result<Response, PageError> {
    live(visit, ErrorsPage { since: range.since.unwrap_or(Since::Hour) }).await
}

impl Since {
    const ALL: [Self; 3] = [Self::Quarter, Self::Hour, Self::Day];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::Day => "24h",
        }
    }

    const fn millis(self) -> u64 {
        match self {
            Self::Quarter => 15 * 60_000,
            Self::Hour => 60 * 60_000,
            Self::Day => 24 * 60 * 60_000,
        }
    }
}

impl LivePage for ErrorsPage {
    type View = Errors;
    /// Thousands of errors are read each time.
    const PERIOD: Duration = Duration::from_secs(5);

    async fn read(&mut self, visit: &Visit) -> Result<Errors, PageError> {
        // A try that is repeated ended in an error too.
        let filter: ActivityFilter = format!("status:error status:pending since:{}", self.since.as_str())
            .parse()
            .map_err(|error: rhai_dispatcher::activity::FilterError| PageError::bad(error.to_string(), ""))?;
        let (entries, next) = read_entries(visit, &filter, None, MAX_ERRORS, MAX_LOOKED_AT).await?;
        let now = visit.dispatcher().transport().clock().wall();
        let total = counted(entries.len(), "error");
        let mut groups = group(&entries, now, self.since);
        groups.sort_by_key(|group| std::cmp::Reverse(group.number));
        let more = groups.len().saturating_sub(MAX_GROUPS);
        groups.truncate(MAX_GROUPS);
        Ok(Errors {
            since: self.since,
            groups,
            total,
            more,
            is_cut: next.is_some(),
            can_act: visit.allows(Access::Call),
        })
    }

    fn shell(&self, visit: &Visit, _view: &Errors) -> Shell {
        Shell::new(visit, Section::Errors, "Errors")
    }

    fn page(shell: Shell, view: Errors) -> impl Template {
        Page { shell, view }
    }

    fn part<'a>(shell: &'a Shell, view: &'a Errors) -> impl Template + 'a {
        Part { shell, view }
    }
}

/// The errors by their fingerprints. Entries come newest first, so the first one of a group is its last error.
fn group(entries: &[ActivityEntry], now: WallTime, since: Since) -> Vec<Group> {
    let mut groups: HashMap<ErrorFingerprint, Vec<&ActivityEntry>> = HashMap::new();
    for entry in entries {
        if let Some(fingerprint) = entry.fingerprint() {
            groups.entry(fingerprint).or_default().push(entry);
        }
    }
    groups
        .into_iter()
        .filter_map(|(fingerprint, entries)| Group::new(fingerprint, &entries, now, since))
        .collect()
}

impl Group {
    fn new(
        fingerprint: ErrorFingerprint,
        entries: &[&ActivityEntry],
        now: WallTime,
        since: Since,
    ) -> Option<Self> {
        let last = entries.iter().max_by_key(|entry| entry.ended_at)?;
        let first = entries.iter().map(|entry| entry.ended_at).min()?;
        let error = last.error.as_ref()?;
        let mut parts = [0.0; PARTS];
        for entry in entries {
            let age = now.as_millis().saturating_sub(entry.ended_at.as_millis());
            let part = usize::try_from(age * PARTS as u64 / since.millis()).unwrap_or(PARTS).min(PARTS - 1);
            parts[PARTS - 1 - part] += 1.0;
        }
        let name = last.method.as_ref().map(|method| method.as_str()).or(last.script_name.as_deref());
        let line = error.line.map(|line| format!(", line {line}")).unwrap_or_default();
        Some(Self {
            fingerprint: fingerprint.to_string(),
            kind: error.kind.as_str(),
            message: Excerpt::of(&error.message, MAX_MESSAGE_BYTES).text,
            place: format!("{} of {}{line}", Excerpt::line(name.unwrap_or("script"), 80), last.worker_id),
            number: entries.len() as u64,
            count: count(entries.len()),
            line: spark(&parts.map(Some)),
            first: Ago::new(first, now),
            last: Ago::new(last.ended_at, now),
            task_id: last.task_id.to_string(),
        })
    }
}
