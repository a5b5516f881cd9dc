use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use rhai_dispatcher_core::{Stop, StopToken};

use super::stack_pool::KEPT;
use super::{Fiber, Panicked, StackPool, WaitError, wait};

fn pool() -> StackPool {
    StackPool::new(1024 * 1024, 4)
}

fn fiber<T>(pool: &StackPool, stop: &StopToken, body: impl FnOnce() -> T + 'static) -> Fiber<T> {
    Fiber::new(pool, pool.take().expect("a stack"), stop.clone(), body)
}

fn poll<T>(fiber: &mut Fiber<T>) -> Poll<Result<T, Panicked>> {
    Pin::new(fiber).poll(&mut Context::from_waker(Waker::noop()))
}

struct CountsDrops(Arc<AtomicUsize>);

impl Drop for CountsDrops {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn twice() -> impl Future<Output = u32> {
    let mut polls = 0;
    poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls < 2 { Poll::Pending } else { Poll::Ready(polls) }
    })
}

#[test]
fn a_fiber_suspends_and_continues() {
    let pool = pool();
    let mut fiber = fiber(&pool, &StopToken::new(), || wait(twice()).expect("a fiber") + 1);
    assert!(poll(&mut fiber).is_pending());
    assert_eq!(poll(&mut fiber), Poll::Ready(Ok(3)));
    assert_eq!(pool.idle(), 1);
}

#[test]
fn suspended_fibers_are_kept_apart() {
    let pool = pool();
    let mut fibers: Vec<_> = (0..100)
        .map(|i| fiber(&pool, &StopToken::new(), move || wait(twice()).map(|polls| polls + i)))
        .collect();
    assert!(fibers.iter_mut().all(|fiber| poll(fiber).is_pending()));
    for (i, fiber) in (0..100).zip(&mut fibers).rev() {
        assert_eq!(poll(fiber), Poll::Ready(Ok(Ok(2 + i))));
    }
    assert_eq!(pool.idle(), 4, "no more are kept");
}

#[test]
fn a_panic_is_a_result() {
    let pool = pool();
    let mut fiber = fiber(&pool, &StopToken::new(), || panic!("at {}", 7));
    assert_eq!(poll(&mut fiber), Poll::Ready(Err(Panicked("at 7".to_owned()))));
    assert_eq!(pool.idle(), 1);
}

#[test]
fn every_wait_after_a_stop_answers_at_once() {
    let pool = pool();
    let stop = StopToken::new();
    let mut fiber = fiber(&pool, &stop, || (0..3).map(|_| wait(pending::<()>())).collect::<Vec<_>>());
    assert!(poll(&mut fiber).is_pending());
    stop.stop(Stop::Lost);
    assert_eq!(poll(&mut fiber), Poll::Ready(Ok(vec![Err(WaitError::Stopped(Stop::Lost)); 3])));
}

#[test]
fn dropping_a_suspended_fiber_runs_destructors_and_keeps_its_stack() {
    let pool = pool();
    let drops = Arc::new(AtomicUsize::new(0));
    let counts = CountsDrops(Arc::clone(&drops));
    let mut suspended = fiber(&pool, &StopToken::new(), move || {
        let _counts = counts;
        wait(pending::<()>())
    });
    assert!(poll(&mut suspended).is_pending());
    assert_eq!(pool.idle(), 0);
    drop(suspended);
    assert_eq!((drops.load(Ordering::Relaxed), pool.idle()), (1, 1));

    let counts = CountsDrops(Arc::clone(&drops));
    drop(fiber(&pool, &StopToken::new(), move || drop(counts)));
    assert_eq!((drops.load(Ordering::Relaxed), pool.idle()), (2, 1), "one that never began");
}

#[test]
fn a_fiber_can_be_dropped_while_its_thread_panics() {
    let pool = pool();
    let drops = Arc::new(AtomicUsize::new(0));
    let counts = CountsDrops(Arc::clone(&drops));
    let mut suspended = fiber(&pool, &StopToken::new(), move || {
        let _counts = counts;
        // The thread's panic makes this one wait refuse, not stop.
        while wait(pending::<()>()).is_ok() {}
    });
    assert!(poll(&mut suspended).is_pending());
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _suspended = suspended;
        panic!("on the lane")
    }));
    assert!(unwound.is_err());
    assert_eq!((drops.load(Ordering::Relaxed), pool.idle()), (1, 1));
}

#[test]
fn a_fiber_can_run_another() {
    let pool = pool();
    let of_outer = pool.clone();
    let mut outer = fiber(&pool, &StopToken::new(), move || {
        let mut inner = fiber(&of_outer, &StopToken::new(), || wait(twice()));
        assert!(poll(&mut inner).is_pending());
        let waited = wait(twice());
        assert_eq!(poll(&mut inner), Poll::Ready(Ok(Ok(2))));
        waited
    });
    assert!(poll(&mut outer).is_pending());
    assert_eq!(poll(&mut outer), Poll::Ready(Ok(Ok(2))));
}

#[test]
fn the_pages_of_a_deep_use_are_given_back() {
    fn deep(levels: usize) -> usize {
        let frame = std::hint::black_box([levels; 512]);
        if levels == 0 {
            super::note_lowest(super::stack_address());
        } else {
            deep(levels - 1);
        }
        frame[0]
    }
    let pool = pool();
    let mut user = fiber(&pool, &StopToken::new(), || deep(100));
    assert_eq!(poll(&mut user), Poll::Ready(Ok(100)));
    let stack = pool.take().expect("a stack");
    // What is below the kept part reads as zero again, and the pages above have kept something.
    let resident = stack.resident();
    assert!(resident > 0 && resident <= KEPT, "{resident} bytes are resident");
}

#[test]
fn reserving_more_than_there_is_ends_without_a_panic() {
    // No address space has room for more than a few of these.
    let pool = StackPool::new(1 << 46, 100);
    assert!(pool.reserve(100) < 100);
    let pool = StackPool::new(usize::MAX, 100);
    assert_eq!(pool.reserve(1), 0);
    assert!(pool.take().is_err());
}
