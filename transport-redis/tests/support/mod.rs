//! What the tests of this package share.

#![allow(dead_code, reason = "not every test file needs all of it")]

pub(crate) mod load;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::BoxFuture;
use redis::Commands;
use rhai_dispatcher_core::{
    Claim, Claimed, Completion, Consumer, CrashReport, EndedRun, Finish, Finished, InstanceSpec, Json,
    Outcome, Payload, Requeued, Task, TaskId, TaskLog, TaskStatus, Transport, TransportConfig,
    TransportError, TransportExt, WorkerId,
};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;

/// A handle whose instances do not lose their lease by accident.
pub(crate) fn open(server: &RedisServer) -> RedisTransport {
    RedisTransport::new(config(server)).expect("a valid config")
}

/// A handle with a short lease.
pub(crate) fn open_mortal(server: &RedisServer) -> RedisTransport {
    let transport = TransportConfig::default().with_lease(Duration::from_millis(500));
    RedisTransport::new(config(server).with_transport(transport)).expect("a valid config")
}

/// A handle with some other settings of the transport.
pub(crate) fn open_with(
    server: &RedisServer,
    change: impl FnOnce(TransportConfig) -> TransportConfig,
) -> RedisTransport {
    let config = config(server);
    let transport = change(config.transport.clone());
    RedisTransport::new(config.with_transport(transport)).expect("a valid config")
}

pub(crate) fn config(server: &RedisServer) -> RedisConfig {
    let transport = TransportConfig::default().with_lease(Duration::from_secs(600));
    RedisConfig::new(server.url()).with_call_timeout(Duration::from_secs(10)).with_transport(transport)
}

pub(crate) fn worker() -> WorkerId {
    WorkerId::try_from("worker-1").expect("a name")
}

pub(crate) fn task() -> Task {
    let mut task = Task::new(worker(), Payload::script("40 + 2"), "caller");
    task.awaited = true;
    task
}

/// The same with an id that suits a cluster.
pub(crate) fn task_for(transport: &RedisTransport) -> Task {
    Task { id: transport.new_task_id(&worker()), ..task() }
}

pub(crate) fn attach(transport: &RedisTransport) -> Arc<dyn Consumer> {
    block_on(transport.attach(InstanceSpec::new(worker()))).expect("an instance")
}

pub(crate) fn submit(transport: &RedisTransport) -> TaskId {
    block_on(transport.submit_one(task_for(transport))).expect("accepted").task_id()
}

pub(crate) fn claim(consumer: &Arc<dyn Consumer>) -> Claimed {
    block_on(consumer.claim(NonZeroUsize::MIN)).expect("a claim").remove(0)
}

/// Ends a claim.
pub(crate) fn end(consumer: &Arc<dyn Consumer>, done: Completion) -> Finished {
    block_on(consumer.finish(&[done])).remove(0).expect("finished")
}

/// The output 42.
pub(crate) fn completed(claim: Claim) -> Completion {
    let outcome = Outcome::Completed(Json::parse("42").expect("JSON").into());
    Completion { claim, finish: Finish::Outcome(outcome), log: TaskLog::new() }
}

/// Ends a claim with the output 42.
pub(crate) fn complete(consumer: &Arc<dyn Consumer>, claim: Claim) -> Finished {
    end(consumer, completed(claim))
}

/// Reports that the process of an instance has died, with these tasks on a processor.
pub(crate) fn report_crash(
    transport: &RedisTransport,
    instance: &Arc<dyn Consumer>,
    running: &[TaskId],
) -> Requeued {
    block_on(transport.report_crash(&crash_report(instance, running))).expect("a report")
}

pub(crate) fn crash_report(instance: &Arc<dyn Consumer>, running: &[TaskId]) -> CrashReport {
    CrashReport { worker_id: worker(), instance: instance.instance(), running: running.to_vec() }
}

/// A client of its own.
pub(crate) fn client(server: &RedisServer) -> redis::Connection {
    redis::Client::open(server.url()).expect("a URL").get_connection().expect("a connection")
}

/// A call that waits for tasks, as the server knows.
pub(crate) fn wait_for_tasks(
    redis: &mut redis::Connection,
    consumer: &Arc<dyn Consumer>,
) -> BoxFuture<'static, Result<Vec<Claimed>, TransportError>> {
    let (instance, consumer) = (consumer.instance().to_string(), Arc::clone(consumer));
    let mut waiting =
        async move { consumer.claim(NonZeroUsize::new(10).expect("more than none")).await }.boxed();
    assert!((&mut waiting).now_or_never().is_none(), "there is nothing to claim");
    until("it waits", || redis.hexists("{rhailib:worker-1}:idle", &instance).expect("an answer"));
    waiting
}

/// Waits until `done`.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: it has not happened");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A claim as a record has it: instance, delivery, when it was.
pub(crate) fn claim_of(text: &str) -> [&str; 3] {
    let words: Vec<_> = text.split(' ').collect();
    words.try_into().expect("a claim")
}

pub(crate) fn open_config(config: RedisConfig) -> RedisTransport {
    RedisTransport::new(config).expect("a valid config")
}

/// What connecting is told, at once.
pub(crate) fn refusal(config: RedisConfig) -> String {
    let (start, timeout) = (Instant::now(), config.call_timeout);
    let error = block_on(open_config(config).connect()).expect_err("it is refused");
    assert!(start.elapsed() < timeout, "it took all of its time");
    assert!(matches!(error, TransportError::Refused(_)), "{error:?}");
    error.to_string()
}

/// Runs one task.
pub(crate) fn run_one(transport: &RedisTransport) {
    let consumer = attach(transport);
    let id = submit(transport);
    let outcome = transport.outcome(id);
    let claimed = claim(&consumer);
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    block_on(consumer.detach()).expect("detached");
}

/// That a claim has ended well, for the activity.
pub(crate) fn ended(transport: &RedisTransport, claimed: &Claimed) -> EndedRun {
    EndedRun {
        task: Arc::clone(&claimed.task),
        claim: claimed.claim,
        attempt: claimed.attempt,
        status: TaskStatus::Completed,
        queue_time: claimed.queue_time,
        run_time: Duration::from_millis(1),
        ended_at: transport.clock().now(),
        cancel_reason: None,
        error: None,
    }
}
