use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// What a connection has found out of the scripts of its server.
#[derive(Debug, Default)]
pub(crate) struct ServerScripts {
    /// It takes no functions, though it may have them.
    takes_no_functions: AtomicBool,
    /// All scripts were loaded.
    are_loaded: AtomicBool,
    /// When the library was loaded last; held while that is done.
    last_load: Mutex<Option<Instant>>,
}

impl ServerScripts {
    pub(crate) fn take_functions(&self) -> bool {
        !self.takes_no_functions.load(Ordering::Relaxed)
    }

    pub(crate) fn note_no_functions(&self) {
        self.takes_no_functions.store(true, Ordering::Relaxed);
    }

    /// Whether this call is the first: then the caller is to load all scripts.
    pub(crate) fn begin_loading(&self) -> bool {
        !self.are_loaded.swap(true, Ordering::Relaxed)
    }

    pub(crate) async fn last_load(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_load.lock().await
    }
}
