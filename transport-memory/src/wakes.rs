use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// Wake-ups that are gathered under a lock and given when it is dropped: a waker may run any
/// code, also code that wants the same lock.
///
/// Declare it before the lock's guard, so that it is dropped after it.
#[derive(Default)]
pub(crate) struct Wakes(Vec<Waker>);

impl Wakes {
    pub(crate) fn push(&mut self, waker: Waker) {
        self.0.push(waker);
    }
}

impl Extend<Waker> for Wakes {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        self.0.extend(wakers);
    }
}

impl Drop for Wakes {
    /// Wakes all of them, also if one panics, which then continues: the others wait for this wake-up alone.
    fn drop(&mut self) {
        let mut panicked = None;
        for waker in self.0.drain(..) {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                panicked.get_or_insert(panic);
            }
        }
        if let Some(panic) = panicked
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Panicking;

    impl Wake for Panicking {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics");
        }
    }

    #[test]
    fn a_waker_that_panics_keeps_none_from_being_woken() {
        let counting = Arc::new(Counting(AtomicUsize::new(0)));
        let mut wakes = Wakes::default();
        wakes.push(Waker::from(Arc::clone(&counting)));
        wakes.push(Waker::from(Arc::new(Panicking)));
        wakes.push(Waker::from(Arc::clone(&counting)));
        let panic = catch_unwind(AssertUnwindSafe(|| drop(wakes)));
        assert!(panic.is_err(), "the panic continues");
        assert_eq!(counting.0.load(Ordering::Relaxed), 2);
    }
}
