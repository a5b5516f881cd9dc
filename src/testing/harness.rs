use std::fmt::Write;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rhai_dispatcher_core::{Clock, ManualClock, QueueInfo, RunningWorker, Tick, Transport};

use crate::RhaiDispatcher;

/// A hub of its own, a worker that serves any worker id, and a clock that the test moves. See [`testing`](super).
///
/// Dropping it stops the worker and its scripts.
#[derive(Debug)]
pub struct TestHarness {
    pub(super) clock: ManualClock,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) dispatcher: RhaiDispatcher,
    pub(super) url: String,
    /// Unless the test has its own workers.
    pub(super) worker: Option<RunningWorker>,
}

impl TestHarness {
    /// How far [`advance_until_idle`](Self::advance_until_idle) and [`block_on`](Self::block_on) move the clock, until
    /// they conclude that it will not help: 30 days.
    pub const MAX_ADVANCE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// A dispatcher over the hub.
    #[must_use]
    pub fn dispatcher(&self) -> &RhaiDispatcher {
        &self.dispatcher
    }

    /// The URL of the hub, for the program under test: its dispatchers and workers go by the clock of this harness.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The hub.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Moves the clock, from one due time to the next, and lets the workers do at each what is due. When it returns they
    /// have nothing to do; an advance by zero only waits for that.
    pub fn advance(&self, by: Duration) {
        let end = self.clock.now() + by;
        self.clock.wait_until_idle();
        while self.clock.now() < end {
            let due = self.clock.next_due().map_or(end, |due| due.min(end));
            self.advance_to(due);
        }
    }

    /// Moves the clock until every task that a worker serves has ended. How far that was.
    ///
    /// # Panics
    /// If some have not ended after [`MAX_ADVANCE`](Self::MAX_ADVANCE).
    pub fn advance_until_idle(&self) -> Duration {
        let start = self.clock.now();
        self.clock.wait_until_idle();
        while let Some(unfinished) = self.unfinished() {
            let moved = self.clock.now() - start;
            assert!(moved < Self::MAX_ADVANCE, "tasks have not ended after {moved:?}: {unfinished}");
            let Some(due) = self.clock.next_due() else { break };
            self.advance_to(due);
        }
        self.clock.now() - start
    }

    /// Drives a future on this thread. Whenever it waits and the workers have nothing to do, the clock moves to the next
    /// due time. It returns as soon as the future is ready, while the workers may be at work.
    ///
    /// # Panics
    /// If it still waits after [`MAX_ADVANCE`](Self::MAX_ADVANCE).
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let woken = Arc::new(Woken { thread: thread::current(), is_woken: AtomicBool::new(true) });
        let waker = Waker::from(Arc::clone(&woken));
        let (mut future, start) = (pin!(future), self.clock.now());
        loop {
            if woken.is_woken.swap(false, Ordering::AcqRel) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return output;
                }
                continue;
            }
            self.clock.wait_until_idle();
            if woken.is_woken.load(Ordering::Acquire) {
                continue;
            }
            match self.clock.next_due() {
                Some(due) => {
                    let moved = self.clock.now() - start;
                    assert!(moved < Self::MAX_ADVANCE, "the future still waits after {moved:?}");
                    self.clock.advance(due - self.clock.now());
                }
                // It waits for another thread.
                None => thread::park(),
            }
        }
    }

    fn advance_to(&self, at: Tick) {
        self.clock.advance(at - self.clock.now());
        self.clock.wait_until_idle();
    }

    /// The queues with tasks that a worker runs or may run, in words.
    fn unfinished(&self) -> Option<String> {
        let queues = futures::executor::block_on(self.transport.queues()).unwrap_or_default();
        let moves = |queue: &&QueueInfo| {
            queue.claimed > 0 || (queue.waiting() > 0 && queue.instances > 0 && !queue.paused)
        };
        let mut words = String::new();
        for queue in queues.iter().filter(moves) {
            let (running, waiting) = (queue.claimed, queue.waiting());
            let _ = write!(words, "{} runs {running}, and {waiting} wait; ", queue.worker_id);
        }
        (!words.is_empty()).then_some(words)
    }
}

impl Drop for TestHarness {
    fn drop(&mut self) {
        /// Longer than a worker waits for its lanes.
        const SHUTDOWN: Duration = Duration::from_secs(60);
        drop(self.worker.take());
        // After a failed assertion the worker may be busy for long.
        if !thread::panicking() {
            self.clock.wait_until_idle();
            self.clock.advance(SHUTDOWN);
        }
    }
}

/// Wakes the thread of a test.
struct Woken {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
