use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use futures::channel::oneshot;
use tokio::runtime::{Builder, Handle};

/// Runs futures on tokio for callers that are not on tokio.
///
/// Clones share the one thread. It starts with the first future and ends when the last clone is
/// dropped; what still runs on it is dropped then.
#[derive(Clone)]
pub struct TokioBridge {
    shared: Arc<Shared>,
}

struct Shared {
    place: Place,
}

enum Place {
    /// A runtime that the caller drives, and keeps.
    Given(Handle),
    /// A thread of our own.
    Own(Mutex<Option<OwnThread>>),
}

struct OwnThread {
    handle: Handle,
    /// Dropped with the bridge, which ends the thread.
    _stop: oneshot::Sender<()>,
}

/// The runtime was shut down before the future was ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeClosed;

impl TokioBridge {
    /// A bridge with a thread of its own, which starts when it is first needed.
    #[must_use]
    pub fn new() -> Self {
        Self { shared: Arc::new(Shared { place: Place::Own(Mutex::new(None)) }) }
    }

    /// A bridge to a runtime that the caller keeps running for as long as the bridge is used.
    #[must_use]
    pub fn to(handle: Handle) -> Self {
        Self { shared: Arc::new(Shared { place: Place::Given(handle) }) }
    }

    /// Whether a blocking wait on this thread would stop the bridge: on its own thread, or if the runtime is the
    /// caller's.
    #[must_use]
    pub fn is_driven_here(&self) -> bool {
        match &self.shared.place {
            Place::Given(_) => true,
            Place::Own(_) => Handle::try_current().is_ok_and(|current| current.id() == self.handle().id()),
        }
    }

    /// The runtime's handle; starts the thread.
    ///
    /// # Panics
    /// If the system gives no thread, as with [`std::thread::spawn`].
    #[must_use]
    pub fn handle(&self) -> Handle {
        match &self.shared.place {
            Place::Given(handle) => handle.clone(),
            Place::Own(own) => {
                let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
                own.get_or_insert_with(start).handle.clone()
            }
        }
    }

    /// Runs `future` on tokio. The answer can be awaited under any executor; dropping it does not
    /// stop the future.
    ///
    /// The answer is [`BridgeClosed`] if the runtime went away, or the future panicked.
    pub fn run<F>(&self, future: F) -> impl Future<Output = Result<F::Output, BridgeClosed>> + Send + use<F>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.spawn(async move {
            // The receiver may have been dropped.
            let _ = sender.send(future.await);
        });
        async { receiver.await.map_err(|oneshot::Canceled| BridgeClosed) }
    }

    /// Runs `future` on tokio, for its effects.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.handle().spawn(future);
    }
}

impl Default for TokioBridge {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TokioBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.shared.place {
            Place::Given(_) => "given",
            Place::Own(_) => "own",
        };
        f.debug_tuple("TokioBridge").field(&place).finish()
    }
}

impl fmt::Display for BridgeClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tokio runtime behind the bridge has ended")
    }
}

impl std::error::Error for BridgeClosed {}

/// Starts the thread. One thread with one reactor: what runs here waits for sockets and does
/// little else, and a second thread would only add hops.
fn start() -> OwnThread {
    // As with `std::thread::spawn`: a process that gets no more threads or descriptors can't continue.
    let runtime = Builder::new_current_thread().enable_all().build().expect("the system gives a reactor");
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    thread::Builder::new()
        .name("rhai-tokio".into())
        .spawn(move || {
            // Ready when the sender is dropped.
            let _ = runtime.block_on(stopped);
            tracing::trace!("the bridge's thread ends");
        })
        .expect("the system gives a thread for tokio");
    OwnThread { handle, _stop: stop }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::executor::block_on;

    use super::*;

    #[test]
    fn tokio_runs_for_a_caller_without_it() {
        let bridge = TokioBridge::new();
        let answer = bridge.run(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            42
        });
        assert_eq!(block_on(answer), Ok(42));
    }

    #[test]
    fn the_last_handle_ends_the_thread_and_what_runs_there() {
        let bridge = TokioBridge::new();
        let clone = bridge.clone();
        let answer = bridge.run(futures::future::pending::<()>());
        drop(bridge);
        assert_eq!(block_on(clone.run(async { 1 })), Ok(1));
        drop(clone);
        assert_eq!(block_on(answer), Err(BridgeClosed));
    }

    #[test]
    fn a_given_runtime_is_used() {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let bridge = TokioBridge::to(runtime.handle().clone());
        let id = block_on(bridge.run(async { Handle::current().id() })).expect("an answer");
        assert_eq!(id, runtime.handle().id());
    }
}
