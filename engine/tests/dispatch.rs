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
    Output, Payload, Ran, Stop, Task, TaskErrorKind, TaskLog, Transport, Worker, WorkerId,
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
    let Poll::Ready(Ran::Finished(Outcome::Error(error), _)) = parent.poll() else {
        panic!("the parent still waits")
    };
    assert!(error.message.contains("cancelled"), "{}", error.message);
}

/// A parent with so much time left that runs `script`, and the child that it dispatched to `worker-2`.
fn parent_and_child(
    script: &str,
    time_left: Option<Duration>,
    clock: &ManualClock,
) -> (Started, Arc<dyn Consumer>, Claimed) {
    let config = MemoryConfig::default().with_clock(Arc::new(clock.clone()));
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(config));
    let engine = EngineConfig::new().with_dispatch(Arc::clone(&transport));
    let bench = Bench { handler: RhaiHandler::new(&engine), clock: clock.clone() };
    let deadline = time_left.map(|time_left| clock.now() + time_left);
    let mut parent = bench.start_task(Bench::task(script), deadline);
    assert!(parent.poll().is_pending());
    let spec = InstanceSpec::new(WorkerId::try_from("worker-2").unwrap());
    let consumer: Arc<dyn Consumer> = block_on(transport.attach(spec)).unwrap();
    let child = block_on(consumer.claim(NonZeroUsize::MIN)).unwrap().remove(0);
    (parent, consumer, child)
}

#[test]
fn a_child_has_the_time_that_its_parent_has_left_and_no_timeout_of_its_own() {
    let clock = ManualClock::new();
    let left = Duration::from_secs(600);
    let (_, _, child) = parent_and_child("dispatch(`worker-2`, `1`)", Some(left), &clock);
    assert_eq!(child.task.deadline_in, Some(left));
    let (_, _, child) = parent_and_child("dispatch(`worker-2`, #{script: `1`})", Some(left), &clock);
    assert_eq!(child.task.deadline_in, Some(left));
    let (_, _, child) = parent_and_child("dispatch_async(`worker-2`, `1`); sleep(1)", None, &clock);
    assert_eq!(child.task.deadline_in, None);

    // A timeout that is given can only be sooner.
    let (_, _, child) =
        parent_and_child("dispatch(`worker-2`, #{script: `1`, timeout: 5})", Some(left), &clock);
    assert!(child.task.deadline_in.unwrap() < Duration::from_secs(6));
    let late = "dispatch(`worker-2`, #{script: `1`, timeout: 3600})";
    let (_, _, child) = parent_and_child(late, Some(left), &clock);
    assert_eq!(child.task.deadline_in, Some(left));
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

#[test]
fn a_worker_id_that_is_not_reached_is_an_error_at_once() {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
    let reached = |ids: &[&str]| {
        let ids: Vec<_> = ids.iter().map(|id| WorkerId::try_from(*id).unwrap()).collect();
        Bench::with(EngineConfig::new().with_dispatch(Arc::clone(&transport)).with_dispatch_to(ids))
    };
    let bench = reached(&["local", "other"]);
    for call in ["dispatch(`missing`, `1`)", "await_result(dispatch_async(`missing`, #{script: `1`}))"] {
        let error = bench.error(call);
        assert_eq!(
            error.message,
            "invalid: dispatch: worker_id: no task is sent to missing from here; worker ids that can be used: local, other"
        );
        let caught =
            bench.value(&format!("try {{ {call} }} catch (e) {{ return e.message.contains(`missing`) }}"));
        assert_eq!(caught, "true");
    }
    for id in ["Local", "local2", "loca"] {
        assert!(bench.error(&format!("dispatch(`{id}`, `1`)")).message.contains(&format!("to {id} from")));
    }
    assert!(bench.error("dispatch(`a b`, `1`)").message.contains("outside A-Z"));
    assert!(bench.start("dispatch(`other`, `1`)").poll().is_pending());
    assert!(reached(&[]).error("dispatch(`local`, `1`)").message.ends_with("can be used: none"));
    let queues = block_on(transport.queues()).unwrap();
    assert!(queues.iter().all(|queue| queue.worker_id.as_str() == "other"), "{queues:?}");
}

/// A script that dispatches one that dispatches one, and so on, `depth` levels down to `innermost`, each on its second
/// line.
fn nested(depth: usize, innermost: &str) -> String {
    (0..depth).fold(innermost.to_owned(), |inner, _| {
        let escaped = inner.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("let a = 1;\ndispatch(\"worker-1\", \"{escaped}\")")
    })
}

#[test]
fn error_of_nested_tasks_tells_the_cause_once_and_one_chain() {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
    let engine = EngineConfig::new().with_dispatch(Arc::clone(&transport));
    let worker_id = WorkerId::try_from("worker-1").unwrap();
    let worker = Worker::new(Arc::clone(&transport), worker_id.clone());
    let worker = block_on(worker.start(move || RhaiHandler::new(&engine))).unwrap();
    let error = |script: String| {
        let task = Task::new(worker_id.clone(), Payload::script(&*script), "caller-1");
        let id = task.id;
        block_on(transport.submit(vec![task.into()])).unwrap().remove(0).unwrap();
        block_on(transport.outcome(id)).unwrap().error.unwrap()
    };
    for (innermost, cause) in [
        ("\n\nthrow `boom`", "boom (task "),
        ("\n\nthrow #{code: 7}", "#{\"code\": 7} (task "),
        ("\n\nlet s = `x`; loop { s += s; }", "limit: the text of a value is too large"),
        ("\n\nnothing()", "Function not found: nothing ()"),
    ] {
        let error = error(nested(3, innermost));
        assert_eq!((error.kind, error.line), (TaskErrorKind::Runtime, Some(2)), "{error}");
        assert!(error.message.starts_with(cause), "{error}");
        assert_eq!(error.message.matches(cause).count(), 1, "{error}");
        assert_eq!(error.message.matches(" of worker-1, line 3)").count(), 1, "{error}");
        assert_eq!(error.message.matches(" of worker-1, line 2)").count(), 2, "{error}");
        assert_eq!(error.message.matches("(task ").count(), 3, "{error}");
        assert!(error.message.len() < 600, "{error}");
    }
    // What was thrown comes up as it is.
    let error = error(nested(2, "throw #{code: 7}"));
    assert_eq!(error.value.unwrap().to_string(), r#"{"code":7}"#);
    block_on(worker.drain()).unwrap();
}
