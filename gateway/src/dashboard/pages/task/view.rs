use std::time::Duration;

use rhai_dispatcher::task::{LogLine, RunState, TaskSummary};
use rhai_dispatcher::transport::WallTime;
use rhai_dispatcher::{RhaiTaskDetails, TaskStatus};

use super::following::Following;
use super::timeline::{Step, timeline};
use super::waterfall::Waterfall;
use crate::auth::Access;
use crate::dashboard::frame::Visit;
use crate::dashboard::text::{Excerpt, SourceLines, bytes, count, html_bytes, shown, span, within};

/// What the page of a task shows.
#[derive(Debug)]
pub(in crate::dashboard) struct TaskView {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) status: TaskStatus,
    pub(super) is_over: bool,
    pub(super) can_cancel: bool,
    pub(super) can_run_again: bool,
    pub(super) can_edit: bool,
    /// Of a script.
    pub(super) source: Option<SourceLines>,
    /// Of a call.
    pub(super) method: Option<Method>,
    pub(super) args: Option<Excerpt>,
    pub(super) error: Option<ErrorView>,
    pub(super) output: Option<Excerpt>,
    pub(super) log: Log,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) parent: Option<String>,
    pub(super) steps: Vec<Step>,
    pub(super) waterfall: Option<Waterfall>,
    /// Why it waits.
    pub(super) waiting: Option<String>,
    pub(super) state: Option<StateView>,
    /// From 0 to 100, and what it does now.
    pub(super) progress: Option<(f64, String)>,
}

#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) worker_id: String,
}

/// The error of a task, or of its last try.
#[derive(Debug)]
pub(super) struct ErrorView {
    pub(super) kind: &'static str,
    pub(super) message: Excerpt,
    pub(super) place: Option<String>,
    pub(super) thrown: Option<Excerpt>,
    /// Whether it is tried again.
    pub(super) is_repeated: bool,
}

/// What a task has printed.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) lines: Vec<(&'static str, String)>,
    /// What is not shown, or why it has no lines, in words.
    pub(super) hint: Option<String>,
    /// Whether there is a raw text with all lines that were kept.
    pub(super) is_kept: bool,
}

/// Where a running task is.
#[derive(Debug)]
pub(super) struct StateView {
    pub(super) activity: String,
    pub(super) place: Option<String>,
    pub(super) running: Option<String>,
    pub(super) operations: Option<String>,
    pub(super) memory: Option<String>,
    /// The line of the script of the task.
    pub(super) line: Option<usize>,
}

/// As many bytes an output, an error or the arguments take in a page.
const MAX_BYTES: usize = 16 * 1024;
/// As many lines are shown of a log.
const MAX_LINES: usize = 300;
/// As many bytes they take, with what is around each line.
const MAX_LOG_BYTES: usize = 32 * 1024;
const AROUND_LINE: usize = 80;
/// As many bytes one line takes.
const MAX_LINE_BYTES: usize = 2 * 1024;
/// As many bytes a short text takes, such as the context.
const MAX_FACT_BYTES: usize = 512;

impl TaskView {
    pub(super) fn new(
        visit: &Visit,
        now: WallTime,
        details: RhaiTaskDetails,
        state: Option<RunState>,
        waiting: Option<String>,
        children: &[TaskSummary],
        following: Option<&Following>,
    ) -> Self {
        let is_over = details.status.is_terminal();
        let is_call = details.method.is_some();
        let error_at = details.error.as_ref().filter(|_| !is_call);
        let source = (!is_call).then(|| {
            SourceLines::new(
                &details.script,
                error_at.and_then(|error| error.line),
                error_at.and_then(|error| error.column),
            )
        });
        let progress = following.and_then(Following::progress).filter(|_| !is_over);
        Self {
            id: details.task_id.to_string(),
            title: title(&details),
            status: details.status,
            is_over,
            can_cancel: !is_over && visit.allows(Access::Call),
            can_run_again: is_over && visit.allows(if is_call { Access::Call } else { Access::Scripts }),
            can_edit: !is_call && visit.allows(Access::Scripts),
            source,
            method: details
                .method
                .as_ref()
                .map(|method| Method { name: method.to_string(), worker_id: details.worker_id.to_string() }),
            args: (!details.args.is_null()).then(|| Excerpt::of(&pretty(details.args.as_str()), MAX_BYTES)),
            error: ErrorView::of(&details),
            output: details
                .output
                .as_ref()
                .map(|output| Excerpt::of(&pretty(output.as_json().as_str()), MAX_BYTES)),
            log: log(&details, following),
            facts: facts(&details),
            parent: details.parent.map(|parent| parent.to_string()),
            steps: timeline(&details, now),
            waterfall: (!children.is_empty()).then(|| Waterfall::new(&details, children, now)),
            waiting: waiting.map(|why| fact(&why)),
            state: state.map(StateView::of),
            progress: progress.map(|(fraction, text)| (fraction * 100.0, Excerpt::line(text, 200))),
        }
    }

    /// The line of the script at which it is.
    pub(super) fn here(&self) -> Option<usize> {
        self.state.as_ref()?.line
    }
}

impl ErrorView {
    fn of(details: &RhaiTaskDetails) -> Option<Self> {
        let error = details.error.as_ref()?;
        let place = match (error.line, error.column) {
            (Some(line), Some(column)) => Some(format!("line {line}, column {column}")),
            (Some(line), None) => Some(format!("line {line}")),
            (None, _) => None,
        };
        Some(Self {
            kind: error.kind.as_str(),
            message: Excerpt::of(&error.message, MAX_BYTES),
            place,
            thrown: error.value.as_ref().map(|value| Excerpt::of(&pretty(value.as_str()), MAX_BYTES)),
            is_repeated: !details.status.is_terminal(),
        })
    }
}

impl StateView {
    fn of(state: RunState) -> Self {
        let since = state.activity_for.filter(|time| *time >= Duration::from_millis(10));
        let since = since.map(|time| format!(", for {}", span(time))).unwrap_or_default();
        let place = state.place.as_ref();
        Self {
            activity: format!("It {}{since}.", fact(&state.activity.to_string())),
            place: place.map(|place| match &place.module {
                Some(module) => format!("{}, line {}", fact(module), place.line),
                None => format!("line {}", place.line),
            }),
            running: state.running_for.map(span),
            operations: state.operations.map(count),
            memory: state.memory.map(bytes),
            line: place
                .filter(|place| place.module.is_none())
                .and_then(|place| usize::try_from(place.line).ok()),
        }
    }
}

fn title(details: &RhaiTaskDetails) -> String {
    match (&details.method, &details.script_name) {
        (Some(method), _) => method.to_string(),
        (None, Some(name)) => Excerpt::line(name, 120),
        (None, None) => "Script".to_owned(),
    }
}

/// A text that is short unless it is to do harm.
fn fact(text: &str) -> String {
    Excerpt::of(text, MAX_FACT_BYTES).text
}

/// JSON with a line for each member, if that is short enough to be of use. A text is itself.
fn pretty(json: &str) -> String {
    if json.len() > MAX_BYTES {
        return json.to_owned();
    }
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_else(|_| json.to_owned()),
        Err(_) => json.to_owned(),
    }
}

fn log(details: &RhaiTaskDetails, following: Option<&Following>) -> Log {
    let is_over = details.status.is_terminal();
    let (all, lost): (Vec<&LogLine>, u64) = match following.filter(|_| !is_over) {
        Some(following) => (following.lines().collect(), following.left_out()),
        None => (details.log.lines().iter().collect(), 0),
    };
    let (mut bytes, mut lines, mut has_long) = (0, Vec::new(), false);
    for line in all.iter().rev() {
        let begin = within(&line.text, MAX_LINE_BYTES);
        bytes += html_bytes(begin) + AROUND_LINE;
        if lines.len() >= MAX_LINES || bytes > MAX_LOG_BYTES {
            break;
        }
        let is_long = begin.len() < line.text.len();
        has_long |= is_long;
        lines.push((line.level.as_str(), format!("{}{}", shown(begin), if is_long { "…" } else { "" })));
    }
    lines.reverse();
    let mut hints = Vec::new();
    match (all.len() - lines.len()) as u64 + lost {
        0 => {}
        number => hints.push(format!("{} lines before these are not shown.", count(number))),
    }
    if has_long {
        hints.push("Long lines are cut.".to_owned());
    }
    // A task without lines may have printed: no event tells of a line that its log has no room for, and its record tells
    // that the log was full only at the end.
    let is_full = details.log.is_truncated();
    match (lines.is_empty(), is_over, is_full) {
        (true, false, _) => hints.push(
            "No line yet. Lines appear here while it runs, but for those that its log has no room for."
                .to_owned(),
        ),
        (true, true, false) => hints.push("It printed nothing.".to_owned()),
        (true, true, true) => hints.push(
            "Nothing of what it printed was kept: its first line is longer than its log may be.".to_owned(),
        ),
        (false, _, true) => {
            hints.push("The log ends before the task did: it was longer than may be kept.".to_owned());
        }
        (false, _, false) => {}
    }
    let hint = (!hints.is_empty()).then(|| hints.join(" "));
    Log { lines, hint, is_kept: is_over && !details.log.lines().is_empty() }
}

fn facts(details: &RhaiTaskDetails) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Worker id", details.worker_id.to_string()), ("Caller", fact(&details.caller_id))];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("Context", details.context_id.as_deref().map(fact));
    add("Request id", details.request_id.as_deref().map(fact));
    add("Priority", Some(details.priority.to_string()));
    add("Starts", (details.delivery > 0).then(|| details.delivery.to_string()));
    add("Failed tries", (details.attempt > 0).then(|| details.attempt.to_string()));
    add("Died workers", (details.deaths > 0).then(|| details.deaths.to_string()));
    add("Instance", details.instance.map(|instance| instance.to_string()));
    add("Limits", details.limits.as_ref().map(|limits| limits.to_string()));
    facts
}
