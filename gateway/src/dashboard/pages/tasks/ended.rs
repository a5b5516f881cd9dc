use rhai_dispatcher::TaskStatus;
use rhai_dispatcher::activity::{ActivityCursor, ActivityEntry, ActivityFilter, ActivityPage};
use rhai_dispatcher::transport::WallTime;

use super::unfinished::own;
use crate::dashboard::frame::{PageError, Visit};
use crate::dashboard::text::{Ago, Excerpt, shown, span};

/// The end of a task, or of a try that is repeated.
#[derive(Debug)]
pub(in crate::dashboard) struct EndedRow {
    pub(in crate::dashboard) id: String,
    pub(in crate::dashboard) name: String,
    pub(in crate::dashboard) status: &'static str,
    /// The status as it is told.
    pub(in crate::dashboard) label: &'static str,
    pub(in crate::dashboard) delivery: u32,
    pub(in crate::dashboard) worker_id: String,
    pub(in crate::dashboard) caller: String,
    pub(in crate::dashboard) context: Option<String>,
    pub(in crate::dashboard) ended: Ago,
    pub(in crate::dashboard) queue: String,
    pub(in crate::dashboard) run: String,
    pub(in crate::dashboard) is_error: bool,
    /// Its error, or why it was cancelled.
    pub(in crate::dashboard) why: String,
}

/// A page of ends that match a filter, the newest first, and from where the next one continues.
pub(in crate::dashboard) async fn read_ended(
    visit: &Visit,
    filter: &ActivityFilter,
    after: Option<ActivityCursor>,
    limit: usize,
) -> Result<(Vec<EndedRow>, Option<ActivityCursor>), PageError> {
    let (entries, next) = read_entries(visit, filter, after, limit, ActivityPage::MAX_READ).await?;
    let now = visit.dispatcher().transport().clock().wall();
    Ok((entries.iter().map(|entry| EndedRow::new(entry, now)).collect(), next))
}

/// The same, as entries, looking at `look_at` ends at most. What the caller may not see is left out.
pub(in crate::dashboard) async fn read_entries(
    visit: &Visit,
    filter: &ActivityFilter,
    after: Option<ActivityCursor>,
    limit: usize,
    look_at: usize,
) -> Result<(Vec<ActivityEntry>, Option<ActivityCursor>), PageError> {
    let Some(identity) = &visit.identity else { return Ok((Vec::new(), None)) };
    let page =
        visit.dispatcher().activity(own(visit, filter)).limit(limit).look_at(look_at).after(after).await?;
    let sees = |entry: &ActivityEntry| identity.sees_task_of(&entry.worker_id, &entry.caller_id);
    Ok((page.entries.into_iter().filter(sees).collect(), page.next))
}

impl EndedRow {
    fn new(entry: &ActivityEntry, now: WallTime) -> Self {
        let name = entry.method.as_ref().map(|method| method.as_str()).or(entry.script_name.as_deref());
        let why = match (&entry.error, entry.cancel_reason) {
            (Some(error), _) => {
                let line = error.line.map(|line| format!(" (line {line})")).unwrap_or_default();
                format!("{}: {}{line}", error.kind, Excerpt::line(&error.message, 160))
            }
            (None, Some(reason)) => reason.to_string(),
            (None, None) => String::new(),
        };
        Self {
            id: entry.task_id.to_string(),
            name: Excerpt::line(name.unwrap_or("script"), 80),
            status: entry.status.as_str(),
            label: if entry.status == TaskStatus::Pending { "tried again" } else { entry.status.as_str() },
            delivery: entry.delivery,
            worker_id: entry.worker_id.to_string(),
            caller: Excerpt::line(&entry.caller_id, 40),
            context: entry.context_id.as_deref().map(|context| Excerpt::line(&shown(context), 40)),
            ended: Ago::new(entry.ended_at, now),
            queue: entry.queue_time.map_or_else(|| "–".to_owned(), span),
            run: entry.run_time.map_or_else(|| "–".to_owned(), span),
            is_error: entry.error.is_some(),
            why,
        }
    }
}
