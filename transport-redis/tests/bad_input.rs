//! What stands in Redis and should not.

mod support;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{
    Json, Payload, Task, TaskErrorKind, TaskId, TaskStatus, Transport, TransportError, TransportExt,
};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, complete, end, open, submit, task, until, worker};

const READY: &str = "rhailib:{worker-1}:ready:normal";
const WAITING: &str = "rhailib:{worker-1}:waiting";

/// What stands before a payload: priority, not fresh, no latest start, place 1.
const HEADER: &[u8] = b"n-\0\0\0\0\0\0\0\0\x3f\xf0\0\0\0\0\0\0";

/// Puts something into the queue.
fn enqueue(redis: &mut redis::Connection, id: &str, task: &[u8]) {
    let _: () = redis.hset(WAITING, id, task).expect("written");
    let _: () = redis.zadd(READY, id, 1).expect("written");
}

fn client(server: &RedisServer) -> redis::Connection {
    redis::Client::open(server.url()).expect("a URL").get_connection().expect("a connection")
}

#[test]
fn a_foreign_payload_is_set_aside_and_the_queue_goes_on() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    enqueue(&mut redis, "what", b"ever");
    let rubbish = [HEADER, b"\x01rubbish"].concat();
    enqueue(&mut redis, &TaskId::new().to_string(), &rubbish);
    // A task of ours whose payload somebody has damaged.
    let id = TaskId::new();
    let fields = [("status", "pending"), ("worker_id", "worker-1"), ("script", "1"), ("created_at", "1")];
    let _: () = redis.hset_multiple(format!("rhailib:{id}"), &fields).expect("a record");
    enqueue(&mut redis, &id.to_string(), &rubbish);
    let outcome = transport.outcome(id);

    let good = submit(&transport);
    let claimed = claim(&consumer);
    assert_eq!(claimed.claim.task, good);
    complete(&consumer, claimed.claim);
    let details = block_on(outcome).expect("an outcome");
    assert_eq!(details.status, TaskStatus::Error);
    assert_eq!(details.error.expect("an error").kind, TaskErrorKind::Undecodable);
    let dead: usize = redis.xlen("rhailib:{worker-1}:dead").expect("a length");
    assert_eq!(dead, 3);
    until("the queue is empty", || redis.exists::<_, usize>(&[READY, WAITING][..]).expect("a count") == 0);
}

#[test]
fn a_newer_payload_is_left_for_newer_instances() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let id = TaskId::new();
    let fields = [("status", "pending"), ("worker_id", "worker-1"), ("script", "1"), ("created_at", "1")];
    let _: () = redis.hset_multiple(format!("rhailib:{id}"), &fields).expect("a record");
    let text = id.to_string();
    enqueue(&mut redis, &text, &[HEADER, b"\x7fnewer"].concat());
    let good = submit(&transport);
    let claimed = claim(&consumer);
    assert_eq!(claimed.claim.task, good);
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(transport.details_of(id)).expect("a record").status, TaskStatus::Pending);
    let newer: Option<f64> = redis.zscore("rhailib:{worker-1}:newer", &text).expect("an answer");
    assert_eq!(newer, Some(127.0), "who reads that version finds it");
    assert!(redis.hexists::<_, _, bool>(WAITING, &text).expect("an answer"));
    let queues = block_on(transport.queues()).expect("queues");
    assert_eq!(queues[0].claimed, 0);
}

#[test]
fn keys_of_the_wrong_type_are_clear_errors() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let _: () = redis.set(READY, "not a list of tasks").expect("set");
    let error = block_on(transport.submit(vec![task().into()])).expect_err("the queue is none");
    assert!(
        matches!(&error, TransportError::Protocol(_)) && error.to_string().contains("WRONGTYPE"),
        "{error}"
    );
    let mut high = task();
    high.priority = rhai_dispatcher_core::Priority::High;
    block_on(transport.submit_one(high)).expect("the neighbour is well");
    // Nothing was left of what was not accepted.
    let _: () = redis.del(READY).expect("deleted");
    let id = TaskId::new();
    let _: () = redis.set(format!("rhailib:{id}"), "not a hash").expect("set");
    let mut task = task();
    task.id = id;
    let error = block_on(transport.submit(vec![task.into()])).expect_err("the record is no hash");
    assert!(matches!(error, TransportError::Protocol(_)), "{error:?}");
    let error = block_on(transport.details(&[id])).expect_err("the record is no hash");
    assert!(matches!(error, TransportError::Protocol(_)), "{error:?}");
}

#[test]
fn a_large_record_works_and_a_larger_is_refused() {
    let server = RedisServer::start();
    let transport = open(&server);
    let consumer = attach(&transport);
    let text = "x".repeat(8 * 1024 * 1024);
    let mut task = Task::new(worker(), Payload::script(text.clone()), "caller");
    task.awaited = true;
    task.args = Json::of(&text).expect("JSON");
    let id = block_on(transport.submit_one(task.clone())).expect("accepted").task_id();
    let outcome = transport.outcome(id);
    let claimed = claim(&consumer);
    assert_eq!(*claimed.task, task);
    let output = rhai_dispatcher_core::Outcome::Completed(task.args.clone().into());
    let done = rhai_dispatcher_core::Completion {
        claim: claimed.claim,
        finish: rhai_dispatcher_core::Finish::Outcome(output),
        log: rhai_dispatcher_core::TaskLog::new(),
    };
    end(&consumer, done);
    let details = block_on(outcome).expect("an outcome");
    assert_eq!(details.output.expect("an output").as_json(), &task.args);
    let small =
        rhai_dispatcher_redis::RedisTransport::new(support::config(&server).with_max_task_bytes(1_000));
    let error = block_on(small.expect("a valid config").submit_one(task)).expect_err("too large");
    assert!(error.to_string().contains("max_task_bytes"), "{error}");
}

#[test]
fn a_read_only_server_refuses() {
    let server = RedisServer::start();
    let replica = RedisServer::start();
    let _ = replica.command(&["REPLICAOF", "127.0.0.1", &server.port().to_string()]);
    let error = block_on(open(&replica).connect()).expect_err("a replica");
    assert!(matches!(error, TransportError::Refused(_)), "{error:?}");
}

#[test]
fn a_server_that_becomes_read_only_refuses_until_it_is_not() {
    let server = RedisServer::start();
    let transport = open(&server);
    let before = submit(&transport);
    // Of a server that is not there, so that it keeps what it has.
    let _ = server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = block_on(transport.submit(vec![task().into()])).expect_err("it is a replica");
    assert!(
        matches!(error, TransportError::Refused(_)) && error.to_string().contains("READONLY"),
        "{error:?}"
    );
    let _ = server.command(&["REPLICAOF", "NO", "ONE"]);
    let after = submit(&transport);
    let consumer = attach(&transport);
    for id in [before, after] {
        let claimed = claim(&consumer);
        assert_eq!(claimed.claim.task, id);
        complete(&consumer, claimed.claim);
    }
}

#[test]
fn a_server_that_loads_its_data_is_waited_for() {
    // So that it takes two seconds, and answers meanwhile.
    let slow = ["--save", "", "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"];
    let mut server = RedisServer::with(&slow);
    let mut keys = redis::pipe();
    for key in 0..1_000 {
        keys.set(format!("other:{key}"), "x".repeat(200));
    }
    let _: () = keys.query(&mut client(&server)).expect("they are set");
    let patient = open(&server);
    let id = submit(&patient);
    let _ = server.command(&["SAVE"]);
    let hurried = support::config(&server).with_call_timeout(std::time::Duration::from_millis(500));
    let hurried = rhai_dispatcher_redis::RedisTransport::new(hurried).expect("a valid config");
    server.kill();
    std::thread::scope(|scope| {
        scope.spawn(|| server.restart());
        let error = block_on(hurried.submit_one(task())).expect_err("it takes longer than that");
        assert!(error.is_retryable() && error.to_string().contains("loading"), "{error}");
        let consumer = attach(&patient);
        let claimed = claim(&consumer);
        assert_eq!(claimed.claim.task, id);
        complete(&consumer, claimed.claim);
    });
}
