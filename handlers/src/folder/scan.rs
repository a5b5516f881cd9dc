use std::collections::BTreeMap;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rhai_dispatcher_core::read_script;

use super::FolderConfig;
use crate::info::HandlerProblem;

/// What is in the folder at one time.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The scripts, by the names that scripts import them by.
    pub(super) files: BTreeMap<Arc<str>, Scanned>,
    /// What is wrong with the folder, and with files that have no such name.
    pub(super) problems: Vec<HandlerProblem>,
}

/// A file at one time.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) stamp: Stamp,
    /// The text, or why there is none; `None` if the file is as it was.
    pub(super) text: Option<Result<Arc<str>, String>>,
}

/// By what a change of a file is noticed without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    file: u64,
    /// Whether the last change was long enough before the look: another change would have another time.
    is_settled: bool,
    /// Whether the last change was so short before the look that another may follow.
    pub(super) is_young: bool,
}

/// The ending of a script's file.
pub(super) const ENDING: &str = ".rhai";
/// The longest name of a module, as for the engine, in bytes.
const MAX_NAME: usize = 255;
/// The deepest folder within the folder.
const MAX_DEPTH: usize = 8;
/// The most files of any sort that are looked at.
const MAX_ENTRIES: usize = 100_000;
/// Coarser times of files than this are not in use.
const SETTLES: Duration = Duration::from_secs(2);
/// How long after a change of a file its text is taken, since the writer may write more. Systems count the times of files
/// in steps of up to 10 ms.
pub(super) const MIN_AGE: Duration = Duration::from_millis(30);

impl Scan {
    /// Looks at the folder, and reads the files that are not as they were at the time of their stamp in `known`.
    ///
    /// # Errors
    /// If the folder itself can't be read.
    pub(super) fn of(
        folder: &Path,
        config: &FolderConfig,
        max_file_bytes: usize,
        known: impl Fn(&str) -> Option<Stamp>,
    ) -> io::Result<Self> {
        let root = folder.canonicalize()?;
        let mut walk = Walk { root: &root, found: BTreeMap::new(), problems: Vec::new(), entries: 0 };
        walk.folder(&root, "", 0)?;
        let mut scan = Self { problems: walk.problems, ..Self::default() };
        let mut left = config.max_bytes;
        let count = walk.found.len();
        for (name, (path, metadata)) in walk.found.into_iter().take(config.max_files) {
            let stamp = Stamp::of(&metadata);
            let bytes = usize::try_from(stamp.bytes).unwrap_or(usize::MAX).min(max_file_bytes);
            let Some(rest) = left.checked_sub(bytes) else {
                let message = format!(
                    "all files together have more than max_bytes, {}; this one is left out",
                    config.max_bytes
                );
                scan.problems.push(problem(Some(&name), message));
                continue;
            };
            left = rest;
            let is_known = known(&name).is_some_and(|known| known.is_settled && known == stamp);
            let text =
                (!is_known).then(|| read_script(&path, max_file_bytes).map_err(|error| error.to_string()));
            scan.files.insert(name, Scanned { stamp, text });
        }
        if count > config.max_files {
            let max = config.max_files;
            let message =
                format!("it has {count} scripts, and max_files is {max}; the last ones are left out");
            scan.problems.push(problem(None, message));
        }
        Ok(scan)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        Self {
            bytes: metadata.len(),
            modified,
            file: file_number(metadata),
            is_settled: age.is_some_and(|age| age > SETTLES),
            is_young: age.is_some_and(|age| age < MIN_AGE),
        }
    }
}

#[cfg(unix)]
pub(super) fn file_number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
pub(super) fn file_number(_: &Metadata) -> u64 {
    0
}

/// Goes through the folder.
struct Walk<'a> {
    root: &'a Path,
    found: BTreeMap<Arc<str>, (PathBuf, Metadata)>,
    problems: Vec<HandlerProblem>,
    entries: usize,
}

impl Walk<'_> {
    /// `name`: that of the folder below the root, with a slash behind it, or nothing.
    fn folder(&mut self, path: &Path, name: &str, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                let message =
                    format!("it has more than {MAX_ENTRIES} files of any sort; the rest is left out");
                self.problems.push(problem(None, message));
                break;
            }
            let entry = entry?;
            let file_name = entry.file_name();
            let lossy = file_name.to_string_lossy();
            // Editors keep their own files beside those that they edit.
            if lossy.starts_with('.') {
                continue;
            }
            // One that has gone meanwhile, and a link to nothing, are not files.
            let Ok(metadata) = fs::metadata(entry.path()) else { continue };
            let whole = format!("{name}{lossy}");
            if metadata.is_dir() {
                if !self.leads_out(&entry)
                    && !leads_up(&entry, path)
                    && depth < MAX_DEPTH
                    && file_name.to_str().is_some()
                {
                    let below = self.folder(&entry.path(), &format!("{whole}/"), depth + 1);
                    if let Err(error) = below {
                        self.problems.push(problem(None, format!("{whole} can't be read: {error}")));
                    }
                }
                continue;
            }
            let Some(module) = whole.strip_suffix(ENDING) else { continue };
            let message = match () {
                () if self.leads_out(&entry) => "it is a link that leads out of the folder",
                () if file_name.to_str().is_none() || !is_name(module) => {
                    "its name is not one that scripts can import: letters, digits, `_`, `-` and `.`, 255 bytes at most"
                }
                () => {
                    self.found.insert(module.into(), (entry.path(), metadata));
                    continue;
                }
            };
            self.problems.push(problem(Some(module), message.to_owned()));
        }
        Ok(())
    }

    fn leads_out(&self, entry: &DirEntry) -> bool {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        is_link && entry.path().canonicalize().is_ok_and(|path| !path.starts_with(self.root))
    }
}

/// Whether a folder is a link to one that it is in.
fn leads_up(entry: &DirEntry, parent: &Path) -> bool {
    let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
    is_link && entry.path().canonicalize().is_ok_and(|target| parent.starts_with(target))
}

/// Whether the engine imports a module by that name.
fn is_name(module: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_part = |part: &str| !part.is_empty() && part.chars().all(is_plain);
    module.len() <= MAX_NAME && module.split('/').all(is_part)
}

/// A problem of the file of a module, or of the folder.
pub(super) fn problem(module: Option<&str>, message: String) -> HandlerProblem {
    HandlerProblem::new(module.map(|module| format!("{module}{ENDING}")), message)
}
