use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::lock;

/// Counts the threads that have something to do, so that a test moves its clock only when all of them wait.
///
/// A thread counts from the wake-up of its future until it parks, and a wake-up counts before it returns. So one
/// thread that wakes another leaves no moment at which the count is zero. Clones are the same count.
#[derive(Clone, Default)]
#[doc(hidden)]
pub struct Activity(Arc<Count>);

#[derive(Default)]
struct Count {
    busy: Mutex<usize>,
    idle: Condvar,
}

/// One busy thread, or one job of it on another thread.
#[derive(Debug)]
pub(crate) struct Busy(Activity);

thread_local! {
    /// The activity that the future of this thread belongs to.
    static CURRENT: RefCell<Option<Activity>> = const { RefCell::new(None) };
}

impl Activity {
    /// Counts one more, until the answer is dropped.
    pub(crate) fn begin(&self) -> Busy {
        *lock(&self.0.busy) += 1;
        Busy(self.clone())
    }

    /// The same for the activity of this thread, if it has one.
    pub(crate) fn begin_on_this_thread() -> Option<Busy> {
        CURRENT.with_borrow(|activity| activity.as_ref().map(Self::begin))
    }

    /// Waits until the count is zero.
    pub(crate) fn wait_until_idle(&self) {
        let busy = lock(&self.0.busy);
        drop(self.0.idle.wait_while(busy, |busy| *busy > 0).unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Activity").field(&*lock(&self.0.busy)).finish()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut busy = lock(&self.0.0.busy);
        *busy -= 1;
        if *busy == 0 {
            self.0.0.idle.notify_all();
        }
    }
}

/// The future of the thread is polled, or about to be.
const POLLED: u8 = 0;
/// It is polled, and was woken meanwhile; or the parked thread was woken.
const WOKEN: u8 = 1;
/// The thread parks, and does not count.
const PARKED: u8 = 2;

/// Wakes one thread, and counts it.
struct CountedThread {
    activity: Activity,
    thread: Thread,
    state: AtomicU8,
}

impl Wake for CountedThread {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // First: a thread that sees the new state runs at once, and owns the count.
        let busy = self.activity.begin();
        if self.state.swap(WOKEN, Ordering::AcqRel) == PARKED {
            std::mem::forget(busy);
            self.thread.unpark();
        }
    }
}

/// Drives `future` on this thread, which counts as busy by `busy`.
pub(crate) fn block_on_counted<F: Future>(busy: Busy, future: F) -> F::Output {
    let activity = busy.0.clone();
    CURRENT.set(Some(activity.clone()));
    let state = AtomicU8::new(POLLED);
    let counted = Arc::new(CountedThread { activity: activity.clone(), thread: thread::current(), state });
    let waker = Waker::from(Arc::clone(&counted));
    let (mut future, mut busy) = (pin!(future), Some(busy));
    loop {
        counted.state.store(POLLED, Ordering::Release);
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            // A later wake-up finds that the thread is not parked, and counts nothing.
            return output;
        }
        let parks = counted.state.compare_exchange(POLLED, PARKED, Ordering::AcqRel, Ordering::Acquire);
        if parks.is_ok() {
            drop(busy.take());
            while counted.state.load(Ordering::Acquire) == PARKED {
                thread::park();
            }
            busy = Some(Busy(activity.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use futures::channel::oneshot;

    use super::*;

    #[test]
    fn a_chain_of_wake_ups_counts_until_its_last_thread_parks() {
        for _ in 0..200 {
            let (activity, done) = (Activity::default(), Arc::new(AtomicBool::new(false)));
            let (start, mut next) = oneshot::channel::<()>();
            let mut threads = Vec::new();
            for last in [false, false, true] {
                let (wake, woken) = oneshot::channel::<()>();
                let (waits, done) = (std::mem::replace(&mut next, woken), Arc::clone(&done));
                let busy = activity.begin();
                threads.push(thread::spawn(move || {
                    block_on_counted(busy, async {
                        waits.await.expect("it is woken");
                        thread::yield_now();
                        done.store(last, Ordering::Release);
                        wake.send(()).ok();
                    });
                }));
            }
            activity.wait_until_idle();
            assert!(!done.load(Ordering::Acquire), "all wait for the first");
            start.send(()).expect("it waits");
            activity.wait_until_idle();
            assert!(done.load(Ordering::Acquire), "the wake-ups have reached the last");
            threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        }
    }

    #[test]
    fn a_thread_that_panics_does_not_count() {
        let activity = Activity::default();
        let busy = activity.begin();
        let panics = thread::spawn(move || block_on_counted(busy, async { panic!("as the test wants") }));
        activity.wait_until_idle();
        assert!(panics.join().is_err());
    }
}
