use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use rhai_dispatcher_core::{Invalid, MethodName, lock};
use rhai_dispatcher_engine::EngineConfig;

use super::FolderConfig;
use super::folder_state::FolderState;
use super::snapshot::{Found, Snapshot};
use super::watcher::Watcher;
use crate::info::HandlersInfo;
use crate::layers::Layers;

/// A folder of scripts whose public functions are methods: `fn charge(cents)` in `billing.rhai` is `billing.charge`, and
/// in `shop/billing.rhai` it is `shop.billing.charge`. Clones are the same.
///
/// The scripts can import each other, by the paths of their files. One whose name begins with `_`, or that is in a folder
/// whose name does, is for imports only. Files and folders whose names begin with a dot are not looked at, nor is a link
/// that leads out of the folder.
///
/// A call runs with all files as they were when it began. A file that has an error keeps its last version without one.
#[derive(Clone)]
pub struct ScriptFolder(Arc<Shared>);

struct Shared {
    state: Arc<FolderState>,
    watcher: Mutex<Option<Watcher>>,
}

impl ScriptFolder {
    /// Reads a folder. `engine` is that of the worker.
    ///
    /// # Errors
    /// [`Invalid`] if the folder does not exist, is not one, or can't be read. An error of a file is in
    /// [`describe`](Self::describe).
    pub fn open(
        path: impl AsRef<Path>,
        config: FolderConfig,
        engine: &EngineConfig,
    ) -> Result<Self, Invalid> {
        let path = path.as_ref();
        let state = FolderState::new(path, config, engine);
        state.open().map_err(|error| {
            let shown = path.display();
            let (problem, hint) = match error.kind() {
                io::ErrorKind::NotFound => {
                    (format!("the folder {shown} does not exist"), "make it, or give the path of another")
                }
                io::ErrorKind::NotADirectory => {
                    (format!("{shown} is not a folder"), "give the folder that the scripts are in")
                }
                io::ErrorKind::PermissionDenied => (
                    format!("permission to read the folder {shown} is denied"),
                    "let the worker's user read it",
                ),
                _ => (format!("the folder {shown} can't be read: {error}"), "give the path of a folder"),
            };
            Invalid::new("handlers", problem, hint)
        })?;
        Ok(Self(Arc::new(Shared { state: Arc::new(state), watcher: Mutex::default() })))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.state.path()
    }

    /// The handlers and methods, and what is wrong with files.
    #[must_use]
    pub fn describe(&self) -> HandlersInfo {
        self.0.state.current().info().clone()
    }

    /// Reads what has changed, at once. [`watch`](Self::watch) does so by itself.
    pub fn reload(&self) {
        self.0.state.reload();
    }

    /// Reads files as they change, on a thread, until the last clone is dropped. A second call does nothing.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn watch(&self) -> io::Result<()> {
        let mut watcher = lock(&self.0.watcher);
        if watcher.is_none() {
            *watcher = Some(Watcher::start(&self.0.state)?);
        }
        Ok(())
    }

    /// All methods, as they are now.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        self.0.state.current()
    }

    /// Is ready when its methods may be others than those of the version `seen`, with their version.
    pub(crate) fn poll_changed(&self, seen: u64, cx: &mut Context<'_>) -> Poll<u64> {
        self.0.state.poll_changed(seen, cx)
    }

    /// What is around its methods.
    pub(crate) fn layers(&self) -> &Layers {
        &self.0.state.config().layers
    }

    /// A method, as it is now.
    pub(crate) fn find(&self, method: &MethodName) -> Option<Found> {
        self.0.state.current().find(method)
    }
}

impl fmt::Debug for ScriptFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptFolder").field("path", &self.path()).finish_non_exhaustive()
    }
}
