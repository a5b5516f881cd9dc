use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use super::word::{Span, Unclosed, Word, words};
use super::{ActivityFilter, FilterError, Moment};
use crate::invalid::quoted;
use crate::{Invalid, TaskStatus, WallTime, nearest};

/// The fields, in the order in which an error names them.
const FIELDS: [&str; 15] = [
    "status",
    "worker",
    "handler",
    "method",
    "script",
    "caller",
    "context",
    "task",
    "kind",
    "error",
    "fingerprint",
    "since",
    "until",
    "older",
    "slower",
];

const TIMES: &str = "give how long ago, such as 1h, or a moment, such as 2026-11-30T09:00:00Z";
const DURATIONS: &str = "give a duration, such as 500ms, 2s or 1h30m";

/// What is wrong with one word, and the way out.
struct Problem {
    /// Of the field rather than of its value.
    in_field: bool,
    problem: Cow<'static, str>,
    hint: Cow<'static, str>,
}

impl ActivityFilter {
    /// Parses a text. `now` is needed to refuse moments of the future only.
    ///
    /// # Errors
    /// With the place of the part that is wrong.
    pub fn parse_at(text: &str, now: WallTime) -> Result<Self, FilterError> {
        if text.len() > Self::MAX_BYTES {
            let problem = format!("it has {} bytes", text.len());
            let hint = format!("a filter has at most {} bytes", Self::MAX_BYTES);
            let (problem, hint) = (problem.into(), hint.into());
            return Err(FilterError { text: String::new(), column: 1, width: 1, problem, hint });
        }
        let words = words(text).map_err(|Unclosed(span)| {
            error_at(text, span, Problem::new("the quotation does not end", "add a \" at its end"))
        })?;
        let mut filter = Self::new();
        for word in words {
            let (span, field) = (word.span, word.field.as_ref().map(|(_, span)| *span));
            if let Err(problem) = add(&mut filter, word, now) {
                let span = field.filter(|_| problem.in_field).unwrap_or(span);
                return Err(error_at(text, span, problem));
            }
        }
        Ok(filter)
    }
}

impl FromStr for ActivityFilter {
    type Err = FilterError;

    /// [`parse_at`](Self::parse_at) with this machine's time.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse_at(text, WallTime::now())
    }
}

fn error_at(text: &str, span: Span, problem: Problem) -> FilterError {
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let width = (span.end - span.start).max(1);
    FilterError { text, column: span.start + 1, width, problem: problem.problem, hint: problem.hint }
}

fn add(filter: &mut ActivityFilter, word: Word, now: WallTime) -> Result<(), Problem> {
    let Word { field, value, .. } = word;
    let Some((field, _)) = field else {
        if value.is_empty() {
            return Err(Problem::new("the text is empty", "give the text to look for, or leave it out"));
        }
        filter.words.push(value.to_lowercase());
        return Ok(());
    };
    let Some(field) = FIELDS.into_iter().find(|known| *known == field) else { return Err(unknown(&field)) };
    if value.is_empty() {
        let hint = "give it directly behind the colon, or leave the field out";
        return Err(Problem::new(format!("`{field}` has no value"), hint));
    }
    match field {
        "status" => filter.statuses.push(status(&value)?),
        "worker" => filter.worker_ids.push(typed(&value)?),
        "handler" => filter.handlers.push(value),
        "method" => filter.methods.push(typed(&value)?),
        "script" => filter.scripts.push(value),
        "caller" => filter.callers.push(value),
        "context" => filter.contexts.push(value),
        "task" => filter.tasks.push(typed(&value)?),
        "kind" => filter.kinds.push(typed(&value)?),
        "error" => filter.errors.push(value.to_lowercase()),
        "fingerprint" => filter.fingerprints.push(fingerprint(&value)?),
        "since" => {
            let since = moment(&value, now)?;
            set(&mut filter.since, since, "since")?;
        }
        "until" => {
            let until = moment(&value, now)?;
            set(&mut filter.until, until, "until")?;
        }
        "older" => {
            let older = Moment::Ago(duration(&value)?);
            set(&mut filter.until, older, "until")?;
        }
        _ => {
            let slower = duration(&value)?;
            set(&mut filter.slower, slower, "slower")?;
        }
    }
    let (Some(since), Some(until)) = (filter.since, filter.until) else { return Ok(()) };
    if since.resolve(now) >= until.resolve(now) {
        let problem = "the time ends before it begins";
        return Err(Problem::new(problem, "since is the earlier moment, until or older the later one"));
    }
    Ok(())
}

fn unknown(field: &str) -> Problem {
    let fields = FIELDS.join(", ");
    let hint = match nearest(field, FIELDS) {
        Some(meant) => format!("did you mean `{meant}`? The fields are {fields}"),
        None => format!("the fields are {fields}; text with a colon is looked for in quotes"),
    };
    let shown: String = field.chars().take(48).collect();
    Problem { in_field: true, ..Problem::new(format!("`{shown}` is not a field"), hint) }
}

fn status(text: &str) -> Result<TaskStatus, Problem> {
    const HINT: &str = "use completed, error, cancelled, or pending for tries that are repeated";
    match text.parse() {
        Ok(TaskStatus::Processing) => {
            Err(Problem::new("the activity has no tasks that are processing, only what has ended", HINT))
        }
        Ok(status) => Ok(status),
        Err(_) => Err(Problem::new(format!("{} is not a status", quoted(text)), HINT)),
    }
}

fn typed<T: FromStr<Err = Invalid>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|Invalid { problem, hint, .. }| Problem::new(problem, hint))
}

fn fingerprint(text: &str) -> Result<String, Problem> {
    let is_hex = (4..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hex {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(Problem::new(
            format!("{} is not the beginning of a fingerprint", quoted(text)),
            "give 4 to 16 of its hex digits, such as 3fa9c1d2",
        )),
    }
}

fn moment(text: &str, now: WallTime) -> Result<Moment, Problem> {
    // A duration has no `-`.
    if !text.contains('-') {
        return humantime::parse_duration(text)
            .map(Moment::Ago)
            .map_err(|_| Problem::new(format!("{} is not a time", quoted(text)), TIMES));
    }
    let at = WallTime::from_rfc3339(text)
        .ok_or_else(|| Problem::new(format!("{} is not a time", quoted(text)), TIMES))?;
    if at > now {
        return Err(Problem::new(format!("{at} is in the future: it is {now} now"), TIMES));
    }
    Ok(Moment::At(at))
}

fn duration(text: &str) -> Result<Duration, Problem> {
    humantime::parse_duration(text)
        .map_err(|_| Problem::new(format!("{} is not a duration", quoted(text)), DURATIONS))
}

fn set<T>(field: &mut Option<T>, value: T, name: &str) -> Result<(), Problem> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) if name == "until" => {
            Err(Problem::new("the end of the time is there twice", "give until or older, once"))
        }
        Some(_) => Err(Problem::new(format!("`{name}` is there twice"), "give it once")),
    }
}

impl Problem {
    fn new(problem: impl Into<Cow<'static, str>>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { in_field: false, problem: problem.into(), hint: hint.into() }
    }
}
