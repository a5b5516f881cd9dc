//! `dispatch`, as the script sees it that waits for another.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{
    CancelReason, Claimed, Clock, Completion, Consumer, Finish, InstanceSpec, Json, ManualClock, Outcome,
    Output, Ran, Stop, TaskLog, Transport, WallTime, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};
use support::{Bench, Started};

/// A script that waits for a child, which has just been cancelled with it.
fn with_a_cancelled_child() -> (Bench, Started) {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
    let bench = Bench::with(EngineConfig::new().with_dispatch(Arc::clone(&transport)));
    let mut parent = bench.start("dispatch(`worker-2`, `1`)");
    assert!(parent.poll().is_pending());
    let spec = InstanceSpec::new(WorkerId::try_from("worker-2").unwrap());
    let consumer: Arc<dyn Consumer> = block_on(transport.attach(spec)).unwrap();
    let child = block_on(consumer.claim(NonZeroUsize::MIN)).unwrap().remove(0);
    let finish = Finish::Outcome(Outcome::Cancelled(CancelReason::Parent));
    let done = Completion { claim: child.claim, finish, log: TaskLog::new() };
    block_on(consumer.finish(&[done])).remove(0).unwrap();
    assert!(parent.poll().is_pending(), "it is not the child that failed");
    (bench, parent)
}

#[test]
fn a_child_that_is_cancelled_first_is_no_error_of_its_parent() {
    let (_bench, mut parent) = with_a_cancelled_child();
    parent.stop.stop(Stop::Cancelled(CancelReason::Asked));
    assert!(matches!(parent.poll(), Poll::Ready(Ran::Stopped(_))));
}

#[test]
fn a_child_that_another_parent_took_along_is_an_error_in_the_end() {
    let (bench, mut parent) = with_a_cancelled_child();
    bench.clock.advance(Duration::from_secs(5));
    let Poll::Ready(Ran::Finished(Outcome::Error(error), _)) = parent.poll() else { panic!("it goes on") };
    assert!(error.message.contains("cancelled"), "{}", error.message);
}

/// A parent with this deadline that runs `script`, and the child that it dispatched to `worker-2`.
fn parent_and_child(
    script: &str,
    deadline: Option<WallTime>,
    clock: &ManualClock,
) -> (Started, Arc<dyn Consumer>, Claimed) {
    let config = MemoryConfig::default().with_clock(Arc::new(clock.clone()));
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(config));
    let engine = EngineConfig::new().with_dispatch(Arc::clone(&transport));
    let bench = Bench { handler: RhaiHandler::new(&engine), clock: clock.clone() };
    let mut task = Bench::task(script);
    task.deadline = deadline;
    let mut parent = bench.start_task(task, None);
    assert!(parent.poll().is_pending());
    let spec = InstanceSpec::new(WorkerId::try_from("worker-2").unwrap());
    let consumer: Arc<dyn Consumer> = block_on(transport.attach(spec)).unwrap();
    let child = block_on(consumer.claim(NonZeroUsize::MIN)).unwrap().remove(0);
    (parent, consumer, child)
}

#[test]
fn a_child_has_the_time_that_its_parent_has_left_and_no_timeout_of_its_own() {
    let clock = ManualClock::new();
    let deadline = clock.wall() + Duration::from_secs(600);
    let (_, _, child) = parent_and_child("dispatch(`worker-2`, `1`)", Some(deadline), &clock);
    assert_eq!(child.task.deadline, Some(deadline));
    let (_, _, child) = parent_and_child("dispatch(`worker-2`, #{script: `1`})", Some(deadline), &clock);
    assert_eq!(child.task.deadline, Some(deadline));
    let (_, _, child) = parent_and_child("dispatch_async(`worker-2`, `1`); sleep(1)", None, &clock);
    assert_eq!(child.task.deadline, None);

    // A timeout that is given can only be sooner.
    let (_, _, child) =
        parent_and_child("dispatch(`worker-2`, #{script: `1`, timeout: 5})", Some(deadline), &clock);
    assert!(child.task.deadline.unwrap() < clock.wall() + Duration::from_secs(6));
    let late = "dispatch(`worker-2`, #{script: `1`, timeout: 3600})";
    let (_, _, child) = parent_and_child(late, Some(deadline), &clock);
    assert_eq!(child.task.deadline, Some(deadline));
}

#[test]
fn a_child_that_takes_longer_than_a_dispatcher_waits_is_waited_for() {
    let clock = ManualClock::new();
    let (mut parent, consumer, child) = parent_and_child("dispatch(`worker-2`, `1`) + 1", None, &clock);
    for _ in 0..600 {
        clock.advance(Duration::from_secs(1));
        block_on(consumer.renew()).unwrap();
        assert!(parent.poll().is_pending());
    }
    let finish = Finish::Outcome(Outcome::Completed(Output::from(Json::parse("41").unwrap())));
    let done = Completion { claim: child.claim, finish, log: TaskLog::new() };
    block_on(consumer.finish(&[done])).remove(0).unwrap();
    let Poll::Ready(Ran::Finished(Outcome::Completed(output), _)) = parent.poll() else {
        panic!("no answer")
    };
    assert_eq!(output.to_string(), "42");
}
