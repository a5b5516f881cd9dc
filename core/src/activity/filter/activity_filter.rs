use std::fmt::Display;
use std::time::Duration;

use super::Moment;
use crate::{ActivityEntry, MethodName, TaskErrorKind, TaskId, TaskStatus, WallTime, WorkerId};

/// What is looked for in the activity. An empty filter matches every entry.
///
/// Its text form is the same for the library, the command and the dashboard: words `field:value`, separated by spaces.
///
/// | word | matches entries |
/// |---|---|
/// | `status:error` | with that status: `pending` (a try that is repeated), `completed`, `error` or `cancelled`; also `processing` in a list of tasks |
/// | `worker:billing` | of that worker id |
/// | `handler:shop.prices`, `method:shop.prices.get` | of calls of that handler or method |
/// | `script:report.rhai` | of scripts with that name, or with a path that ends in it |
/// | `caller:web`, `context:ann` | of that caller or context |
/// | `task:8c1b7f0e-…` | of that task |
/// | `kind:limit` | with an error of that kind |
/// | `error:"no such file"` | whose error has that text, in upper or lower case |
/// | `fingerprint:ab12` | whose error has a fingerprint that begins with these 4 to 16 hex digits |
/// | `since:1h`, `until:2026-11-30T09:00:00Z` | that ended from then on, or before then: so long ago, or at a moment in RFC 3339 |
/// | `older:10m` | as `until:10m` |
/// | `slower:2s` | that ran that long or longer |
/// | `boom`, `"two words"` | that have this text in their task's id, names, caller, context or error, in upper or lower case |
///
/// A field that is there twice matches with either value; `error` and words without a field must all match; a time may be
/// there once. Different fields must all match. A value with spaces is in double quotes, in which `\"` is a quote and `\\` a
/// backslash.
///
/// ```
/// use rhai_dispatcher_core::{ActivityFilter, TaskStatus};
///
/// let filter: ActivityFilter = "status:error worker:billing since:1h \"card declined\"".parse()?;
/// assert_eq!(filter.worker_ids()[0].as_str(), "billing");
/// let error = "statu:error".parse::<ActivityFilter>().expect_err("a field that is unknown");
/// assert!(error.to_string().contains("did you mean `status`?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    pub(super) statuses: Vec<TaskStatus>,
    pub(super) worker_ids: Vec<WorkerId>,
    pub(super) handlers: Vec<String>,
    pub(super) methods: Vec<MethodName>,
    pub(super) scripts: Vec<String>,
    pub(super) callers: Vec<String>,
    pub(super) contexts: Vec<String>,
    pub(super) tasks: Vec<TaskId>,
    pub(super) kinds: Vec<TaskErrorKind>,
    /// In lower case, as the next two.
    pub(super) errors: Vec<String>,
    pub(super) fingerprints: Vec<String>,
    pub(super) words: Vec<String>,
    pub(super) since: Option<Moment>,
    pub(super) until: Option<Moment>,
    pub(super) slower: Option<Duration>,
}

impl ActivityFilter {
    /// The longest text of a filter, in bytes.
    pub const MAX_BYTES: usize = 1_024;

    /// A filter that matches every entry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same filter, which also matches entries with that status.
    #[must_use]
    pub fn with_status(mut self, status: TaskStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// The same filter, which also matches entries of that worker id.
    #[must_use]
    pub fn with_worker_id(mut self, worker_id: WorkerId) -> Self {
        self.worker_ids.push(worker_id);
        self
    }

    /// The same filter, which also matches entries of that caller.
    #[must_use]
    pub fn with_caller(mut self, caller_id: &str) -> Self {
        self.callers.push(caller_id.to_owned());
        self
    }

    /// The same filter for entries from that moment on.
    #[must_use]
    pub const fn with_since(mut self, since: Moment) -> Self {
        self.since = Some(since);
        self
    }

    /// The worker ids of which entries match; none if those of all do.
    #[must_use]
    pub fn worker_ids(&self) -> &[WorkerId] {
        &self.worker_ids
    }

    /// The callers of which entries match; none if those of all do.
    #[must_use]
    pub fn callers(&self) -> &[String] {
        &self.callers
    }

    /// The tasks of which entries match; none if those of all do.
    #[must_use]
    pub fn tasks(&self) -> &[TaskId] {
        &self.tasks
    }

    /// Whether entries with that status may match.
    #[must_use]
    pub fn has_status(&self, status: TaskStatus) -> bool {
        one_of(&self.statuses, |other| *other == status)
    }

    /// Whether it matches running tasks alone, of which the activity has none.
    pub(crate) fn is_for_running(&self) -> bool {
        !self.statuses.is_empty() && self.statuses.iter().all(|status| *status == TaskStatus::Processing)
    }

    /// The same filter for tasks that have ended; none if it matches only others.
    pub(crate) fn of_ended(&self) -> Option<Self> {
        let mut filter = self.clone();
        filter.statuses.retain(|status| status.is_terminal());
        (self.statuses.is_empty() || !filter.statuses.is_empty()).then_some(filter)
    }

    /// The moment from which on entries match.
    #[must_use]
    pub const fn since(&self) -> Option<Moment> {
        self.since
    }

    /// The moment before which entries match.
    #[must_use]
    pub const fn until(&self) -> Option<Moment> {
        self.until
    }

    /// Whether an entry matches, if it is `now` by the transport's clock.
    #[must_use]
    pub fn matches(&self, entry: &ActivityEntry, now: WallTime) -> bool {
        // The cheap ones first.
        one_of(&self.statuses, |status| *status == entry.status)
            && self.since.is_none_or(|since| entry.ended_at >= since.resolve(now))
            && self.until.is_none_or(|until| entry.ended_at < until.resolve(now))
            && self.slower.is_none_or(|slower| entry.run_time.is_some_and(|time| time >= slower))
            && one_of(&self.worker_ids, |id| *id == entry.worker_id)
            && one_of(&self.tasks, |id| *id == entry.task_id)
            && one_of(&self.handlers, |handler| entry.handler() == Some(handler))
            && one_of(&self.methods, |method| entry.method.as_ref() == Some(method))
            && one_of(&self.scripts, |script| {
                entry.script_name.as_deref().is_some_and(|name| is_named(name, script))
            })
            && one_of(&self.callers, |caller| *entry.caller_id == **caller)
            && one_of(&self.contexts, |context| entry.context_id.as_deref() == Some(context))
            && one_of(&self.kinds, |kind| entry.error.as_ref().is_some_and(|error| error.kind == *kind))
            && self
                .errors
                .iter()
                .all(|text| entry.error.as_ref().is_some_and(|error| has_text(&error.message, text)))
            && self.words.iter().all(|word| has_word(entry, word))
            && (self.fingerprints.is_empty()
                || entry.fingerprint().is_some_and(|fingerprint| {
                    let shown = fingerprint.to_string();
                    self.fingerprints.iter().any(|prefix| shown.starts_with(prefix))
                }))
    }
}

/// Whether one of the values matches, or there is none.
fn one_of<T>(values: &[T], matches: impl FnMut(&T) -> bool) -> bool {
    values.is_empty() || values.iter().any(matches)
}

/// Whether a name is `end`, or a path whose last parts are `end`.
fn is_named(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with(['/', '\\']))
}

fn has_word(entry: &ActivityEntry, word: &str) -> bool {
    // To write an id takes longer than all else, and most words can't be part of one.
    let may_be_of_id = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let shown = |value: &dyn Display| may_be_of_id && value.to_string().contains(word);
    has_text(&entry.caller_id, word)
        || entry.method.as_ref().is_some_and(|method| has_text(method.as_str(), word))
        || entry.script_name.as_ref().is_some_and(|name| has_text(name, word))
        || entry.context_id.as_ref().is_some_and(|context| has_text(context, word))
        || entry
            .error
            .as_ref()
            .is_some_and(|error| has_text(&error.message, word) || has_text(error.kind.as_str(), word))
        || has_text(entry.worker_id.as_str(), word)
        || shown(&entry.task_id)
        || entry.parent.is_some_and(|parent| shown(&parent))
}

/// Whether `text` has `part`, which is in lower case, in any case.
fn has_text(text: &str, part: &str) -> bool {
    // Most texts need not be copied for that.
    match text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        true => text.to_lowercase().contains(part),
        false => text.contains(part),
    }
}

#[cfg(test)]
mod tests;
