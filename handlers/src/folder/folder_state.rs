use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rhai_dispatcher_core::lock;
use rhai_dispatcher_engine::{EngineConfig, ScriptChecker};

use super::FolderConfig;
use super::scan::{ENDING, Scan, problem};
use super::script_file::Care;
use super::snapshot::Snapshot;
use super::versions::{Update, Versions};
use crate::info::HandlerProblem;

/// What is known of a folder: the versions of its files, and the snapshot that calls get.
pub(super) struct FolderState {
    path: Box<Path>,
    config: FolderConfig,
    max_file_bytes: usize,
    checker: ScriptChecker,
    /// Where scripts import other modules from.
    modules_folder: Option<Arc<Path>>,
    /// Locked while the folder is read.
    versions: Mutex<Versions>,
    current: Mutex<Current>,
}

/// The snapshot that calls get.
struct Current {
    snapshot: Arc<Snapshot>,
    /// Its number, 1-based.
    version: u64,
    /// Woken by the next one.
    waiting: Vec<Waker>,
}

impl Default for Current {
    fn default() -> Self {
        Self { snapshot: Arc::default(), version: 1, waiting: Vec::new() }
    }
}

impl FolderState {
    /// A folder that has not been read.
    pub(super) fn new(path: &Path, config: FolderConfig, engine: &EngineConfig) -> Self {
        Self {
            path: path.into(),
            config,
            max_file_bytes: engine.limits.max_script_bytes,
            checker: ScriptChecker::new(engine.clone()),
            modules_folder: engine.modules_folder.clone(),
            versions: Mutex::default(),
            current: Mutex::default(),
        }
    }

    pub(super) const fn config(&self) -> &FolderConfig {
        &self.config
    }

    pub(super) const fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&lock(&self.current).snapshot)
    }

    /// Is ready when the snapshot is not that of the version `seen` any more, with its version.
    pub(super) fn poll_changed(&self, seen: u64, cx: &mut Context<'_>) -> Poll<u64> {
        let mut current = lock(&self.current);
        if current.version != seen {
            return Poll::Ready(current.version);
        }
        if !current.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            current.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Reads what has changed, as it is.
    pub(super) fn reload(&self) {
        let _ = self.reload_with(&self.care(false, &[])); // it waits for no file
    }

    /// Reads what has changed and is not about to change again: `written` is being written. When to look again, if a file
    /// is not as it will be.
    pub(super) fn reload_settled(&self, written: &[PathBuf]) -> Option<Duration> {
        self.reload_with(&self.care(true, written))
    }

    fn care(&self, waits: bool, written: &[PathBuf]) -> Care {
        let module = |path: &PathBuf| {
            let below = path.strip_prefix(&self.path).ok()?.to_str()?;
            below.strip_suffix(ENDING).map(|name| name.replace(std::path::MAIN_SEPARATOR, "/"))
        };
        let written = written.iter().filter_map(module).collect();
        Care { now: Instant::now(), grace: self.config.removal_grace, waits, written }
    }

    fn reload_with(&self, care: &Care) -> Option<Duration> {
        self.read(care).unwrap_or_else(|error| {
            // Its scripts stay what they are: it may be about to be replaced.
            let message = format!("the folder {} can't be read: {error}", self.path.display());
            let mut versions = lock(&self.versions);
            if versions.note(vec![problem(None, message)]) {
                self.publish(&versions);
            }
            None
        })
    }

    /// Reads the folder for the first time.
    ///
    /// # Errors
    /// If it can't be read.
    pub(super) fn open(&self) -> io::Result<()> {
        self.read(&self.care(false, &[])).map(drop)
    }

    /// Reads what has changed. Nothing changes if the folder itself can't be read.
    fn read(&self, care: &Care) -> io::Result<Option<Duration>> {
        let mut versions = lock(&self.versions);
        let scan = Scan::of(&self.path, &self.config, self.max_file_bytes, |module| versions.stamp(module))?;
        let update = versions.update(scan, &self.checker, care);
        if update.is_any() {
            self.publish(&versions);
            self.log(&update);
        }
        Ok(update.again)
    }

    fn publish(&self, versions: &Versions) {
        let snapshot = Arc::new(Snapshot::of(versions, &self.config, self.modules_folder.as_deref()));
        let mut current = lock(&self.current);
        let old = std::mem::replace(&mut current.snapshot, Arc::clone(&snapshot));
        current.version += 1;
        let waiting = std::mem::take(&mut current.waiting);
        drop(current);
        waiting.into_iter().for_each(Waker::wake);
        let old = &old.info().problems;
        for problem in snapshot.info().problems.iter().filter(|problem| !old.contains(problem)) {
            let HandlerProblem { file, message, line, column, serves_last_good, .. } = problem;
            let file = file.as_deref().unwrap_or("the folder");
            tracing::warn!(line, column, serves_last_good, "handlers: {file}: {message}");
        }
    }

    fn log(&self, update: &Update) {
        let Update { changed, removed, .. } = update;
        let methods: usize = self.current().info().handlers.iter().map(|handler| handler.methods.len()).sum();
        if !changed.is_empty() || !removed.is_empty() {
            tracing::info!(?changed, ?removed, methods, "handlers: read {}", self.path.display());
        }
    }
}
