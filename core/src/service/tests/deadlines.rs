use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;

use super::{by_hand, next, poll};
use crate::{CallError, Clock, ManualClock, NotSent, ServiceOptions};

const SECOND: Duration = Duration::from_secs(1);
const OVER: CallError<&str> = CallError::NotSent(NotSent::DeadlineOver);

fn with_clock() -> (ManualClock, ServiceOptions) {
    let clock = ManualClock::new();
    let options = ServiceOptions::new(1).with_clock(Arc::new(clock.clone()));
    (clock, options)
}

#[test]
fn a_request_whose_time_is_over_is_withdrawn_and_a_begun_one_is_not() {
    let (clock, options) = with_clock();
    let (mut requests, caller) = by_hand(options);
    let mut begun = caller.send_request("begun").timeout(SECOND);
    assert!(poll(&mut begun).is_pending());
    let taken = next!(requests).expect("a request");
    assert_eq!(taken.reply.deadline(), Some(clock.now() + SECOND));
    let (mut queued, mut waiting) =
        (caller.send_request("queued").timeout(SECOND), caller.send_request("waiting").timeout(SECOND));
    let mut patient = caller.send_request("patient");
    clock.advance(SECOND / 2);
    assert!([&mut queued, &mut waiting, &mut patient].into_iter().all(|call| poll(call).is_pending()));
    clock.advance(SECOND / 2);
    assert_eq!(poll(&mut begun), Poll::Ready(Err(CallError::TimedOut)));
    assert!(!taken.reply.send(Ok(1)), "nothing waits for it");
    assert!(poll(&mut queued).is_pending() && poll(&mut waiting).is_pending(), "half a second is left");
    clock.advance(SECOND / 2);
    assert_eq!((poll(&mut queued), poll(&mut waiting)), (Poll::Ready(Err(OVER)), Poll::Ready(Err(OVER))));
    let next = next!(requests).expect("a request");
    assert_eq!((next.request, next.reply.deadline()), ("patient", None));
    assert!(next.reply.send(Ok(2)));
    assert_eq!(block_on(patient), Ok(2));
    assert_eq!(clock.next_due(), None, "no timer is left");
}

#[test]
fn a_worker_skips_a_request_whose_caller_was_not_polled_since_its_deadline() {
    let (clock, options) = with_clock();
    let (mut requests, caller) = by_hand(options);
    let mut call = caller.send_request("late").timeout(SECOND);
    assert!(poll(&mut call).is_pending());
    clock.advance(SECOND);
    assert!(next!(requests).is_none());
    assert_eq!(poll(&mut call), Poll::Ready(Err(OVER)));
}

#[test]
fn an_answer_before_the_deadline_counts_though_the_caller_is_polled_after_it() {
    let (clock, options) = with_clock();
    let (mut requests, caller) = by_hand(options);
    let mut call = caller.send_request("in time").timeout(SECOND);
    assert!(poll(&mut call).is_pending());
    assert!(next!(requests).expect("a request").reply.send(Ok(1)));
    clock.advance(SECOND * 2);
    assert_eq!(poll(&mut call), Poll::Ready(Ok(1)));
}

#[test]
fn a_call_sets_another_timeout_than_its_service_and_its_caller() {
    let (clock, options) = with_clock();
    let (_requests, caller) = by_hand(options.with_timeout(SECOND));
    let slower = caller.clone().with_timeout(SECOND * 2);
    let mut calls = [
        caller.send_request("1 s"),
        slower.send_request("2 s"),
        caller.send_request("3 s").timeout(SECOND * 3),
        caller.send_request("at 4 s").deadline(clock.now() + SECOND * 4),
        caller.send_request("never").without_timeout(),
    ];
    for seconds in 0..=5 {
        let left = calls.iter_mut().skip(seconds.min(4)).all(|call| poll(call).is_pending());
        assert!(left, "after {seconds} s");
        if let Some(ended) = seconds.checked_sub(1).and_then(|ended| calls.get_mut(ended))
            && seconds < 5
        {
            assert_eq!(poll(ended), Poll::Ready(Err(OVER)), "after {seconds} s");
        }
        clock.advance(SECOND);
    }
    assert_eq!(block_on(caller.send_request("no time").timeout(Duration::ZERO)), Err(OVER));
}
