//! `dispatch`, as the script sees it that waits for another.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{
    CancelReason, Completion, Consumer, Finish, InstanceSpec, Outcome, Ran, Stop, TaskLog, Transport,
    WorkerId,
};
use rhai_dispatcher_engine::EngineConfig;
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
