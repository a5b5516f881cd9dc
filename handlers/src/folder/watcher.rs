use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::folder_state::FolderState;
use super::scan::file_number;
use super::signals::{Signal, Signals};

/// The thread that reads a folder as it changes. Dropping this ends it.
#[derive(Debug)]
pub(super) struct Watcher(Arc<Signals>);

impl Watcher {
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(folder: &Arc<FolderState>) -> io::Result<Self> {
        let signals = Arc::new(Signals::default());
        let (of_thread, folder) = (Arc::clone(&signals), Arc::downgrade(folder));
        thread::Builder::new().name("rhai-handlers".into()).spawn(move || watch(&folder, &of_thread))?;
        Ok(Self(signals))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn watch(folder: &Weak<FolderState>, signals: &Arc<Signals>) {
    let mut notices: Option<Notices> = None;
    let mut written = Vec::new();
    loop {
        let Some(alive) = folder.upgrade() else { return };
        // What changed before the notices began is found by the look that follows.
        let root = root_number(alive.path());
        if notices.as_ref().is_none_or(|notices| notices.root != root) {
            notices = Some(Notices::begin(&alive, root, signals));
        }
        let again = alive.reload_settled(&written);
        let has_notices = notices.as_ref().is_some_and(|notices| notices.watcher.is_some());
        let config = alive.config();
        let interval = if has_notices { config.poll_interval } else { config.fallback_interval };
        let wait = again.map_or(interval, |again| interval.min(again));
        drop(alive);
        if signals.wait(wait) == Signal::Closed {
            return;
        }
        written = signals.written();
    }
}

/// What the system says of one folder.
struct Notices {
    /// The number of the folder: another one can come to its place.
    root: Option<u64>,
    /// `None` if the system says nothing.
    watcher: Option<RecommendedWatcher>,
}

impl Notices {
    fn begin(folder: &FolderState, root: Option<u64>, signals: &Arc<Signals>) -> Self {
        let path = folder.path();
        if root.is_none() || !folder.config().notifications {
            return Self { root, watcher: None };
        }
        let of_events = Arc::clone(signals);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
            Ok(event) => of_events.note(&event),
            Err(_) => of_events.note_unknown(),
        });
        let watcher = watcher.and_then(|mut watcher| {
            watcher.watch(path, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            let path = path.display();
            tracing::warn!(%error, "handlers: {path} is looked at by a timer, since the system can't watch it");
        }
        Self { root, watcher: watcher.ok() }
    }
}

fn root_number(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| file_number(&metadata))
}
