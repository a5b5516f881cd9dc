use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind};
use rhai_dispatcher_core::lock;

/// What the system says of a folder, gathered until it is quiet.
#[derive(Debug, Default)]
pub(super) struct Signals {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// When something last changed, since it was waited for.
    changed: Option<Instant>,
    /// Files that have been written to and not closed: what is in them is half a version.
    written: HashMap<PathBuf, Instant>,
    closed: bool,
}

/// Why a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Something has changed, or the time is over.
    Look,
    /// Nothing has to be watched any more.
    Closed,
}

/// How long nothing changes before the folder is read: an editor renames, creates and writes in a few milliseconds.
const QUIET: Duration = Duration::from_millis(40);
/// How long the folder is not read while it changes.
const MAX_DELAY: Duration = Duration::from_millis(300);
/// How long after its last write a file counts as being written, unless it is closed.
const MAX_OPEN: Duration = Duration::from_secs(5);
/// The longest wait for a change.
const MAX_WAIT: Duration = Duration::from_secs(60 * 60);
/// The most files that count as being written.
const MAX_WRITTEN: usize = 1024;

impl Signals {
    /// Takes what the system says.
    pub(super) fn note(&self, event: &Event) {
        let mut state = lock(&self.state);
        let is_news = state.note(event);
        if is_news {
            state.changed = Some(Instant::now());
            drop(state);
            self.news.notify_all();
        }
    }

    /// Something may have changed that the system did not say.
    pub(super) fn note_unknown(&self) {
        lock(&self.state).changed = Some(Instant::now());
        self.news.notify_all();
    }

    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.news.notify_all();
    }

    /// Waits for a change, and then until the folder is quiet; at most `timeout` for a change.
    pub(super) fn wait(&self, timeout: Duration) -> Signal {
        let mut state = lock(&self.state);
        let give_up = Instant::now() + timeout.min(MAX_WAIT);
        while state.changed.is_none() && !state.closed {
            let Some(left) = left(give_up) else { return Signal::Look };
            state = self.wait_once(state, left);
        }
        let give_up = Instant::now() + MAX_DELAY;
        while !state.closed {
            let Some(left) = left(give_up) else { break };
            let quiet =
                state.changed.map_or(Duration::ZERO, |changed| QUIET.saturating_sub(changed.elapsed()));
            if quiet.is_zero() {
                break;
            }
            state = self.wait_once(state, quiet.min(left));
        }
        state.changed = None;
        if state.closed { Signal::Closed } else { Signal::Look }
    }

    /// The files that are being written.
    pub(super) fn written(&self) -> Vec<PathBuf> {
        let mut state = lock(&self.state);
        state.written.retain(|_, last| last.elapsed() < MAX_OPEN);
        state.written.keys().cloned().collect()
    }

    fn wait_once<'a>(&self, state: MutexGuard<'a, State>, most: Duration) -> MutexGuard<'a, State> {
        self.news.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    /// Whether something has changed that matters.
    fn note(&mut self, event: &Event) -> bool {
        match event.kind {
            _ if event.need_rescan() => {
                self.written.clear();
                true
            }
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                for path in &event.paths {
                    self.written.remove(path);
                }
                event.paths.iter().any(|path| is_script(path))
            }
            // Our own reads among them.
            EventKind::Access(_) => false,
            EventKind::Modify(ModifyKind::Data(_)) => {
                let scripts = event.paths.iter().filter(|path| is_script(path));
                // Other systems do not say when a file is closed.
                if cfg!(target_os = "linux") && self.written.len() < MAX_WRITTEN {
                    self.written.extend(scripts.map(|path| (path.clone(), Instant::now())));
                }
                event.paths.iter().any(|path| is_script(path))
            }
            EventKind::Modify(ModifyKind::Metadata(_)) => event.paths.iter().any(|path| is_script(path)),
            // Of folders too.
            _ => {
                for path in &event.paths {
                    self.written.remove(path);
                }
                true
            }
        }
    }
}

fn is_script(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("rhai"))
}

fn left(until: Instant) -> Option<Duration> {
    until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange};

    use super::*;

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(path.into())
    }

    #[test]
    fn reads_and_other_files_are_no_news() {
        let mut state = State::default();
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert!(!state.note(&event(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/a/b.rhai")));
        assert!(!state.note(&event(EventKind::Access(AccessKind::Close(AccessMode::Read)), "/a/b.rhai")));
        assert!(!state.note(&event(written, "/a/some.log")));
        assert!(state.note(&event(written, "/a/b.rhai")));
        assert!(state.note(&event(EventKind::Create(CreateKind::Folder), "/a/c")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_written_is_waited_for_until_it_is_closed() {
        let mut state = State::default();
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        state.note(&event(written, "/a/b.rhai"));
        assert_eq!(state.written.len(), 1);
        assert!(state.note(&event(EventKind::Access(AccessKind::Close(AccessMode::Write)), "/a/b.rhai")));
        assert!(state.written.is_empty());
    }

    #[test]
    fn a_wait_ends_with_a_change_or_when_it_is_closed() {
        let signals = Signals::default();
        signals.note(&event(EventKind::Create(CreateKind::File), "/a/b.rhai"));
        assert_eq!(signals.wait(Duration::from_secs(600)), Signal::Look);
        signals.close();
        assert_eq!(signals.wait(Duration::from_secs(600)), Signal::Closed);
    }
}
