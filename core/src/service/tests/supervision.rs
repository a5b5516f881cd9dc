use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::executor::{LocalPool, block_on};
use futures::task::LocalSpawnExt;

use super::poll;
use crate::{
    CallError, Clock, ManualClock, Requests, RestartPolicy, Service, ServiceOptions, WorkerPanicked,
};

const PAUSE: Duration = Duration::from_millis(100);

/// Counts its answers, and panics when it is asked to.
#[derive(Clone)]
struct Fragile;

#[derive(Debug, PartialEq)]
enum Request {
    Count,
    Panic,
}

impl Service for Fragile {
    type Request = Request;
    type Response = u32;
    type Error = &'static str;
    /// The number of the start.
    type Config = u32;
    type Output = u32;

    async fn run(self, start: u32, requests: Requests<Self>) -> u32 {
        let answer = async |count: &mut u32, request| {
            assert_eq!(request, Request::Count, "as the test wants");
            *count += 1;
            Ok(*count)
        };
        requests.answer_each(start * 100, answer).await
    }
}

fn starts() -> (Rc<Cell<u32>>, impl FnMut() -> u32) {
    let starts = Rc::new(Cell::new(0));
    let counted = Rc::clone(&starts);
    let count = move || {
        counted.set(counted.get() + 1);
        counted.get()
    };
    (starts, count)
}

#[test]
fn a_panic_without_supervision_is_one_of_the_workers_future() {
    let (worker, caller) = Fragile.start(8, 1);
    let mut worker = Box::pin(worker);
    let mut calls: Vec<_> =
        [Request::Count, Request::Panic, Request::Count].map(|request| caller.send_request(request)).into();
    assert!(calls.iter_mut().all(|call| poll(call).is_pending()));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut worker))).is_err());
    let ends: Vec<_> = calls.iter_mut().map(poll).collect();
    let expected = [Ok(101), Err(CallError::NoReply), Err(CallError::WorkerGone)].map(Poll::Ready);
    assert_eq!(ends, expected);
    assert_eq!(block_on(caller.send_request(Request::Count)), Err(CallError::WorkerGone));
}

#[test]
fn a_supervised_worker_starts_again_with_a_new_config_and_keeps_what_is_queued() {
    let clock = ManualClock::new();
    let options = ServiceOptions::new(8).with_clock(Arc::new(clock.clone()));
    let (starts, config) = starts();
    let (worker, caller) = Fragile.start_supervised(options, RestartPolicy::default(), config);
    let mut pool = LocalPool::new();
    let worker = pool.spawner().spawn_local_with_handle(worker).expect("it runs");
    let mut calls: Vec<_> = [Request::Count, Request::Panic, Request::Count, Request::Panic, Request::Count]
        .map(|request| caller.send_request(request))
        .into();
    assert!(calls.iter_mut().all(|call| poll(call).is_pending()));
    pool.run_until_stalled();
    let mut ends = |from: usize| calls[from..].iter_mut().map(poll).collect::<Vec<_>>();
    assert_eq!(ends(0)[..3], [Poll::Ready(Ok(101)), Poll::Ready(Err(CallError::NoReply)), Poll::Pending]);
    assert_eq!(clock.next_due(), Some(clock.now() + PAUSE));
    clock.advance(PAUSE);
    pool.run_until_stalled();
    assert_eq!(ends(2), [Poll::Ready(Ok(201)), Poll::Ready(Err(CallError::NoReply)), Poll::Pending]);
    clock.advance(PAUSE);
    pool.run_until_stalled();
    assert_eq!((ends(4), starts.get()), (vec![Poll::Pending], 2), "the second pause is longer");
    clock.advance(PAUSE);
    pool.run_until_stalled();
    assert_eq!((ends(4), starts.get()), (vec![Poll::Ready(Ok(301))], 3));
    drop(calls);
    drop(caller);
    assert_eq!(pool.run_until(worker), Ok(301));
}

#[test]
fn restarts_in_a_row_are_bounded_and_a_healthy_worker_begins_a_new_row() {
    let clock = ManualClock::new();
    let options = ServiceOptions::new(8).with_clock(Arc::new(clock.clone()));
    let policy = RestartPolicy::default().with_max_restarts(1).with_backoff(PAUSE, PAUSE);
    let (starts, config) = starts();
    let (worker, caller) = Fragile.start_supervised(options, policy, config);
    let mut pool = LocalPool::new();
    let worker = pool.spawner().spawn_local_with_handle(worker).expect("it runs");
    let mut panic_after = |lived| {
        pool.run_until_stalled();
        clock.advance(lived);
        let mut call = caller.send_request(Request::Panic);
        assert!(poll(&mut call).is_pending());
        pool.run_until_stalled();
        assert_eq!(poll(&mut call), Poll::Ready(Err(CallError::NoReply)));
    };
    panic_after(Duration::ZERO);
    clock.advance(PAUSE);
    panic_after(policy.healthy_after);
    clock.advance(PAUSE);
    panic_after(policy.healthy_after - Duration::from_nanos(1));
    assert_eq!(starts.get(), 3);
    assert_eq!(block_on(caller.send_request(Request::Count)), Err(CallError::WorkerGone));
    let Err(WorkerPanicked { message, restarts, .. }) = pool.run_until(worker) else { panic!("it panicked") };
    assert!(message.contains("as the test wants"), "{message}");
    assert_eq!(restarts, 1);
}

#[test]
fn a_worker_that_always_panics_ends_after_the_last_caller() {
    let clock = ManualClock::new();
    let options = ServiceOptions::new(8).with_clock(Arc::new(clock.clone()));
    let starts = Rc::new(Cell::new(0));
    let counted = Rc::clone(&starts);
    let config = move || {
        counted.set(counted.get() + 1);
        panic!("no config at start {}", counted.get())
    };
    let (worker, caller) = Fragile.start_supervised(options, RestartPolicy::default(), config);
    let mut pool = LocalPool::new();
    let worker = pool.spawner().spawn_local_with_handle(worker).expect("it runs");
    pool.run_until_stalled();
    clock.advance(PAUSE);
    pool.run_until_stalled();
    assert_eq!(starts.get(), 2);
    drop(caller);
    clock.advance(2 * PAUSE);
    pool.run_until_stalled();
    assert_eq!((starts.get(), clock.next_due()), (3, None), "it is not started again");
    let Err(WorkerPanicked { message, restarts, .. }) = pool.run_until(worker) else { panic!("it panicked") };
    assert_eq!((&*message, restarts), ("no config at start 3", 2));
}
