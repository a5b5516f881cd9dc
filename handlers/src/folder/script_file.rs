use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai_dispatcher_engine::{ScriptChecker, ScriptOutline};

use super::scan::{MIN_AGE, Scanned, Stamp, problem};
use crate::info::HandlerProblem;

/// A file of the folder: the version that calls get, and what is wrong with the latest.
#[derive(Debug)]
pub(super) struct ScriptFile {
    stamp: Stamp,
    /// The last text that was looked at, or why there was none.
    seen: Result<Arc<str>, String>,
    /// The last version without an error.
    pub(super) good: Option<Arc<GoodVersion>>,
    /// What is wrong with the text.
    pub(super) problem: Option<HandlerProblem>,
    /// Since when it is missing, or empty, if it is.
    gone_since: Option<Instant>,
}

/// A version of a file that parses.
#[derive(Debug)]
pub(super) struct GoodVersion {
    pub(super) text: Arc<str>,
    pub(super) outline: ScriptOutline,
}

/// How sure a file has to be before it is taken.
#[derive(Debug)]
pub(super) struct Care {
    pub(super) now: Instant,
    /// How long one has to be missing, or empty, until it is gone.
    pub(super) grace: Duration,
    /// Whether one that changes just now is looked at again later.
    pub(super) waits: bool,
    /// Those that are being written.
    pub(super) written: HashSet<String>,
}

/// What a look at a file has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Same,
    Changed,
    /// It may be about to be replaced; it is as it was, and has to be looked at again in this time.
    Again(Duration),
    /// It is gone.
    Gone,
}

impl ScriptFile {
    /// A file that was not there before.
    pub(super) fn new(module: &str, scanned: Scanned, checker: &ScriptChecker) -> Self {
        let seen = scanned.text.unwrap_or_else(|| Ok(Arc::default()));
        let mut file = Self {
            stamp: scanned.stamp,
            seen: Ok(Arc::default()),
            good: None,
            problem: None,
            gone_since: None,
        };
        file.take(module, seen, checker);
        file
    }

    pub(super) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// It is there.
    pub(super) fn update(
        &mut self,
        module: &str,
        scanned: Scanned,
        checker: &ScriptChecker,
        care: &Care,
    ) -> Look {
        let Some(text) = scanned.text else {
            self.gone_since = None;
            return Look::Same;
        };
        // An editor may have emptied it, and not written it yet.
        if text.as_ref().is_ok_and(|text| is_empty(text))
            && self.good.as_ref().is_some_and(|good| !is_empty(&good.text))
            && let Look::Again(left) = self.missing(care)
        {
            return Look::Again(left);
        }
        self.gone_since = None;
        if text == self.seen {
            self.stamp = scanned.stamp;
            return Look::Same;
        }
        if let Some(left) = care.wait_for(module, &scanned.stamp) {
            return Look::Again(left);
        }
        self.stamp = scanned.stamp;
        self.take(module, text, checker);
        Look::Changed
    }

    /// It is not there.
    pub(super) fn missing(&mut self, care: &Care) -> Look {
        let since = *self.gone_since.get_or_insert(care.now);
        match care.grace.checked_sub(care.now.saturating_duration_since(since)) {
            Some(left) if !left.is_zero() => Look::Again(left),
            _ => Look::Gone,
        }
    }

    fn take(&mut self, module: &str, text: Result<Arc<str>, String>, checker: &ScriptChecker) {
        self.problem = None;
        match &text {
            Ok(text) => match checker.outline(text) {
                Ok(outline) => self.good = Some(Arc::new(GoodVersion { text: Arc::clone(text), outline })),
                Err(error) => {
                    let mut wrong = problem(Some(module), error.message);
                    wrong.kind = error.kind.to_string();
                    (wrong.line, wrong.column) = (error.line, error.column);
                    self.problem = Some(wrong);
                }
            },
            Err(unreadable) => self.problem = Some(problem(Some(module), unreadable.clone())),
        }
        if let Some(problem) = &mut self.problem {
            problem.serves_last_good = self.good.is_some();
        }
        self.seen = text;
    }

    /// What those get that import it: the last good text, or one with an error, which they see.
    pub(super) fn text(&self) -> Option<&Arc<str>> {
        self.good.as_ref().map(|good| &good.text).or(self.seen.as_ref().ok())
    }
}

impl Care {
    /// How long to wait for a file that has changed, if its writer may not be done.
    pub(super) fn wait_for(&self, module: &str, stamp: &Stamp) -> Option<Duration> {
        // The end of the writing is told.
        const UNTIL_TOLD: Duration = Duration::from_millis(250);
        match self.waits {
            true if self.written.contains(module) => Some(UNTIL_TOLD),
            true if stamp.is_young => Some(MIN_AGE),
            _ => None,
        }
    }
}

fn is_empty(text: &str) -> bool {
    text.trim().is_empty()
}
