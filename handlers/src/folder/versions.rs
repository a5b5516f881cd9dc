use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_engine::ScriptChecker;

use super::scan::{Scan, Stamp};
use super::script_file::{Care, Look, ScriptFile};
use crate::info::HandlerProblem;

/// The versions of all files of a folder.
#[derive(Debug, Default)]
pub(super) struct Versions {
    files: BTreeMap<Arc<str>, ScriptFile>,
    /// What is wrong with the folder, and with files that are not scripts.
    problems: Vec<HandlerProblem>,
}

/// What a look at the folder has brought.
#[derive(Debug, Default)]
pub(super) struct Update {
    /// The files that came or changed.
    pub(super) changed: Vec<Arc<str>>,
    /// The files that went.
    pub(super) removed: Vec<Arc<str>>,
    /// Whether the problems of the folder are others.
    pub(super) has_other_problems: bool,
    /// When to look again, if a file may be about to be replaced.
    pub(super) again: Option<Duration>,
}

impl Versions {
    /// The files, by the names that scripts import them by.
    pub(super) const fn files(&self) -> &BTreeMap<Arc<str>, ScriptFile> {
        &self.files
    }

    /// What is wrong with the folder, and with files that are not scripts.
    pub(super) fn problems(&self) -> &[HandlerProblem] {
        &self.problems
    }

    pub(super) fn stamp(&self, module: &str) -> Option<Stamp> {
        self.files.get(module).map(|file| file.stamp().clone())
    }

    /// Takes over what is in the folder.
    pub(super) fn update(&mut self, scan: Scan, checker: &ScriptChecker, care: &Care) -> Update {
        let mut update = Update::default();
        let found: BTreeSet<_> = scan.files.keys().cloned().collect();
        for (module, scanned) in scan.files {
            let Some(file) = self.files.get_mut(&module) else {
                if let Some(left) = care.wait_for(&module, &scanned.stamp) {
                    update.again(left);
                    continue;
                }
                self.files.insert(Arc::clone(&module), ScriptFile::new(&module, scanned, checker));
                update.changed.push(module);
                continue;
            };
            match file.update(&module, scanned, checker, care) {
                Look::Same => {}
                Look::Changed | Look::Gone => update.changed.push(module),
                Look::Again(left) => update.again(left),
            }
        }
        self.files.retain(|module, file| {
            if found.contains(module) {
                return true;
            }
            match file.missing(care) {
                Look::Again(left) => {
                    update.again(left);
                    true
                }
                _ => {
                    update.removed.push(Arc::clone(module));
                    false
                }
            }
        });
        update.has_other_problems = self.note(scan.problems);
        update
    }

    /// Notes what is wrong with the folder. Whether that is something else than before.
    pub(super) fn note(&mut self, mut problems: Vec<HandlerProblem>) -> bool {
        problems.sort_by(|one, other| (&one.file, &one.message).cmp(&(&other.file, &other.message)));
        let is_other = self.problems != problems;
        self.problems = problems;
        is_other
    }
}

impl Update {
    /// Whether calls may get something else than before, or there is something else to show.
    pub(super) fn is_any(&self) -> bool {
        self.has_other_problems || !self.changed.is_empty() || !self.removed.is_empty()
    }

    fn again(&mut self, left: Duration) {
        self.again = Some(self.again.map_or(left, |again| again.min(left)));
    }
}
