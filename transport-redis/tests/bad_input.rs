//! What stands in Redis and should not.

mod support;

use std::os::unix::net::UnixStream;
use std::time::Duration;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{
    Completion, Finish, Finished, InstanceSpec, Json, Outcome, Payload, Task, TaskError, TaskErrorKind,
    TaskId, TaskLog, TaskStatus, Transport, TransportError, TransportExt,
};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{
    attach, claim, client, complete, completed, config, end, open, submit, task, until, wait_for_tasks,
    worker,
};

const READY: &str = "{rhailib:worker-1}:ready:normal";
const WAITING: &str = "{rhailib:worker-1}:waiting";

/// What stands before a payload: place 1, priority, not fresh, no latest start, no deadline.
const HEADER: &[u8] = b"\x3f\xf0\0\0\0\0\0\0n-\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Puts something into the queue.
fn enqueue(redis: &mut redis::Connection, id: &str, task: &[u8]) {
    let _: () = redis.hset(WAITING, id, task).expect("written");
    let _: () = redis.zadd(READY, id, 1).expect("written");
}

#[test]
fn a_foreign_payload_goes_to_the_dead_letters_and_the_queue_goes_on() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    enqueue(&mut redis, "what", b"ever");
    let rubbish = [HEADER, b"\x01rubbish"].concat();
    enqueue(&mut redis, &TaskId::new().to_string(), &rubbish);
    // A task whose payload is damaged.
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
    let dead: usize = redis.xlen("{rhailib:worker-1}:dead_letters").expect("a length");
    assert_eq!(dead, 3);
    until("the queue is empty", || redis.exists::<_, usize>(&[READY, WAITING][..]).expect("a count") == 0);
}

#[test]
fn a_task_whose_entry_is_gone_or_overwritten_ends_in_an_error() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let [short, gone] = [submit(&transport), submit(&transport)];
    let delayed = || {
        let task = Task { delay: Duration::from_millis(1), ..task() };
        block_on(transport.submit_one(task)).expect("accepted").task_id()
    };
    let [later_short, later_gone] = [delayed(), delayed()];
    for id in [short, later_short] {
        let _: () = redis.hset(WAITING, id.to_string(), "x").expect("written");
    }
    for id in [gone, later_gone] {
        let _: () = redis.hdel(WAITING, id.to_string()).expect("deleted");
    }
    let good = submit(&transport);
    let consumer = attach(&transport);
    assert_eq!(claim(&consumer).claim.task, good);
    // Those with a delay are due by the next claim at the latest.
    let _waiting = wait_for_tasks(&mut redis, &consumer);
    for id in [short, gone, later_short, later_gone] {
        let details = block_on(transport.details_of(id)).expect("a record");
        assert_eq!(details.error.expect("an error").kind, TaskErrorKind::Undecodable);
    }
    assert!(!redis.exists::<_, bool>(WAITING).expect("an answer"), "nothing waits");
}

#[test]
fn a_claim_whose_task_was_overwritten_ends_with_its_instance() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let [overwritten, good] = [submit(&transport), submit(&transport)];
    let claims = [claim(&consumer), claim(&consumer)];
    assert_eq!(claims.map(|claimed| claimed.claim.task), [overwritten, good]);
    let held = format!("{{rhailib:worker-1}}:held:{}", consumer.instance());
    let _: () = redis.hset(&held, overwritten.to_string(), "x").expect("written");
    block_on(consumer.detach()).expect("detached");
    let details = block_on(transport.details_of(overwritten)).expect("a record");
    assert_eq!(details.error.expect("an error").kind, TaskErrorKind::Undecodable);
    assert_eq!(block_on(transport.details_of(good)).expect("a record").status, TaskStatus::Pending);
}

#[test]
fn a_wait_whose_waiters_are_no_set_harms_no_other_and_ends_too() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let config = config(&server).with_recheck_interval(Duration::from_millis(100));
    let other = RedisTransport::new(config).expect("a valid config");
    let [broken, fine] = [submit(&transport), submit(&transport)];
    let _: () = redis.set(format!("{{rhailib:{broken}}}:waiters"), "x").expect("written");
    let waits = [broken, fine].map(|id| other.outcome(id));
    let consumer = attach(&transport);
    for _ in 0..2 {
        let claimed = claim(&consumer);
        complete(&consumer, claimed.claim);
    }
    for told in block_on(futures::future::join_all(waits)) {
        assert_eq!(told.expect("an outcome").status, TaskStatus::Completed);
    }
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
    let newer: Option<f64> = redis.zscore("{rhailib:worker-1}:newer", &text).expect("an answer");
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
    let error = block_on(transport.submit(vec![task.into()])).expect_err("the record is not a hash");
    assert!(matches!(error, TransportError::Protocol(_)), "{error:?}");
    let error = block_on(transport.details(&[id])).expect_err("the record is not a hash");
    assert!(matches!(error, TransportError::Protocol(_)), "{error:?}");
}

/// A server that has functions, and one that has none, as before Redis 7: what fails is told otherwise there.
fn servers() -> [RedisServer; 2] {
    let without = ["--save", "", "--rename-command", "FUNCTION", "NONE"];
    [RedisServer::start(), RedisServer::with(&without)]
}

#[test]
fn an_end_that_fails_does_no_harm_to_its_batch() {
    servers().iter().for_each(one_end_fails);
}

fn one_end_fails(server: &RedisServer) {
    let mut redis = client(server);
    let transport = open(server);
    let consumer = attach(&transport);
    let ids: Vec<_> = (0..5).map(|_| submit(&transport)).collect();
    let mut batch: Vec<_> = ids.iter().map(|_| completed(claim(&consumer).claim)).collect();
    // The record of task 1 is a string, and so are the waiters of task 2 and the queue that task 3 is released to.
    let _: () = redis.del(format!("rhailib:{}", ids[1])).expect("deleted");
    let _: () = redis.set(format!("rhailib:{}", ids[1]), "not a hash").expect("set");
    let watched = [("watched", "1"), ("more", "1")];
    let _: () = redis.hset_multiple(format!("rhailib:{}", ids[2]), &watched).expect("set");
    let _: () = redis.set(format!("{{rhailib:{}}}:waiters", ids[2]), "not a set").expect("set");
    batch[3].finish = Finish::Release;
    let _: () = redis.set(READY, "not a list of tasks").expect("set");

    let outcomes: Vec<_> = [0, 2, 4].map(|index| transport.outcome(ids[index])).into();
    let answers = block_on(consumer.finish(&batch));
    let refused = |answer: &Result<Finished, TransportError>| matches!(answer, Err(error @ TransportError::Protocol(_)) if error.to_string().contains("WRONGTYPE"));
    for (index, answer) in answers.iter().enumerate() {
        let fails = index == 1 || index == 3;
        assert_eq!(refused(answer), fails, "{index}: {answer:?}");
        assert!(fails || matches!(answer, Ok(Finished::Written)), "{index}: {answer:?}");
    }
    for outcome in outcomes {
        assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    }
    // What was not taken back is still the instance's, and can be written once there is nothing in the way.
    let held = format!("{{rhailib:worker-1}}:held:{}", consumer.instance());
    assert!(redis.hexists::<_, _, bool>(&held, ids[3].to_string()).expect("an answer"));
    assert_eq!(block_on(transport.details_of(ids[3])).expect("a record").status, TaskStatus::Processing);
    let _: () = redis.del(READY).expect("deleted");
    assert_eq!(end(&consumer, batch[3].clone()), Finished::Written);
    assert_eq!(claim(&consumer).claim.task, ids[3]);
}

#[test]
fn a_submit_that_fails_loses_no_other() {
    servers().iter().for_each(two_submits_fail);
}

fn two_submits_fail(server: &RedisServer) {
    let mut redis = client(server);
    let transport = open(server);
    let consumer = attach(&transport);
    let parent = submit(&transport);
    let running = claim(&consumer).claim;
    let _: () = redis.set(format!("{{rhailib:{parent}}}:children"), "no children").expect("set");
    let _: () = redis.set("{rhailib:worker-1}:requests", "no requests").expect("set");
    let waiting = wait_for_tasks(&mut redis, &consumer);
    let (good, mut child, mut request) = (task(), task(), task());
    child.parent = Some(parent);
    request.request_id = Some("request".into());
    let bad = [child.id, request.id];
    let id = good.id;
    let batch = vec![good.into(), child.into(), request.into()];
    let error = block_on(transport.submit(batch)).expect_err("there are strange keys");
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    let claimed = block_on(waiting).expect("a claim").remove(0).claim;
    assert_eq!(claimed.task, id);
    assert_eq!(block_on(transport.details(&bad)).expect("an answer"), [None, None], "they left nothing");
    for claim in [claimed, running] {
        complete(&consumer, claim);
    }
}

#[test]
fn an_instance_that_can_t_hold_a_task_is_delivered_none() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let (broken, other) = (attach(&transport), attach(&transport));
    let waiting = wait_for_tasks(&mut redis, &broken);
    let held = format!("{{rhailib:worker-1}}:held:{}", broken.instance());
    let _: () = redis.set(held, "not a hash").expect("set");
    let id = submit(&transport);
    assert_eq!(block_on(transport.details_of(id)).expect("a record").status, TaskStatus::Pending);
    assert_eq!(claim(&other).claim.task, id);
    block_on(waiting).expect_err("it is told so when it looks again");
}

#[test]
fn an_outcome_that_is_too_large_ends_its_task_in_an_error() {
    let server = RedisServer::start();
    let transport =
        RedisTransport::new(config(&server).with_max_outcome_bytes(1_000)).expect("a valid config");
    let consumer = attach(&transport);
    let large = "x".repeat(1_000);
    let id = submit(&transport);
    let outcome = Outcome::Completed(Json::of(&large).expect("JSON").into());
    let claim_of = claim(&consumer).claim;
    let done = Completion { claim: claim_of, finish: Finish::Outcome(outcome), log: TaskLog::new() };
    assert_eq!(end(&consumer, done), Finished::Written);
    let error = block_on(transport.outcome(id)).expect("an outcome").error.expect("an error");
    assert_eq!(error.kind, TaskErrorKind::Limit);
    assert!(error.message.contains("max_outcome_bytes (1000)"), "{error}");

    // An error loses only what was thrown.
    let thrown = TaskError::new(TaskErrorKind::Runtime, "no luck").at(Some(3), None);
    let id = submit(&transport);
    let outcome = Outcome::Error(thrown.clone().with_value(Json::of(&large).ok()));
    let claim_of = claim(&consumer).claim;
    let done = Completion { claim: claim_of, finish: Finish::Outcome(outcome), log: TaskLog::new() };
    assert_eq!(end(&consumer, done), Finished::Written);
    assert_eq!(block_on(transport.outcome(id)).expect("an outcome").error, Some(thrown));
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
    let output = Outcome::Completed(task.args.clone().into());
    let done = Completion { claim: claimed.claim, finish: Finish::Outcome(output), log: TaskLog::new() };
    end(&consumer, done);
    let details = block_on(outcome).expect("an outcome");
    assert_eq!(details.output.expect("an output").as_json(), &task.args);
    let small = RedisTransport::new(config(&server).with_max_task_bytes(1_000));
    let error = block_on(small.expect("a valid config").submit_one(task)).expect_err("too large");
    assert!(error.to_string().contains("max_task_bytes"), "{error}");
}

#[test]
fn a_replica_is_unavailable_and_says_so() {
    let server = RedisServer::start();
    let replica = RedisServer::start();
    let _ = replica.command(&["REPLICAOF", "127.0.0.1", &server.port().to_string()]);
    let transport = RedisTransport::new(config(&replica).with_call_timeout(Duration::from_millis(500)));
    let error = block_on(transport.expect("a valid config").connect()).expect_err("a replica");
    // Another server may answer at its address soon.
    assert!(error.is_retryable() && error.to_string().contains("READONLY"), "{error:?}");
}

#[test]
fn a_server_that_becomes_a_replica_is_unavailable_until_it_is_none() {
    let server = RedisServer::start();
    let transport = RedisTransport::new(config(&server).with_call_timeout(Duration::from_secs(1)));
    let transport = transport.expect("a valid config");
    let before = submit(&transport);
    // Of a server that is not there, so that it keeps what it has.
    let _ = server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = block_on(transport.submit(vec![task().into()])).expect_err("it is a replica");
    assert!(error.is_retryable() && error.to_string().contains("READONLY"), "{error:?}");
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
    let hurried = config(&server).with_call_timeout(Duration::from_millis(500));
    let hurried = RedisTransport::new(hurried).expect("a valid config");
    let socket = server.socket();
    server.kill();
    std::fs::remove_file(&socket).expect("it was killed, and has left its socket");
    std::thread::scope(|scope| {
        scope.spawn(|| server.restart());
        until("it listens", || UnixStream::connect(&socket).is_ok());
        // On a busy machine the time of a call may be over before there is a connection.
        until("the reason is known", || {
            let error = block_on(hurried.submit_one(task())).expect_err("it takes longer than that");
            assert!(error.is_retryable(), "{error}");
            error.to_string().contains("loading")
        });
        let consumer = attach(&patient);
        let claimed = claim(&consumer);
        assert_eq!(claimed.claim.task, id);
        complete(&consumer, claimed.claim);
    });
}

#[test]
fn a_claim_whose_task_was_deleted_ends_in_an_error_when_it_is_given_up() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    for finish in [Finish::Release, Finish::Abandon] {
        let id = submit(&transport);
        let mut done = completed(claim(&consumer).claim);
        let held = format!("{{rhailib:worker-1}}:held:{}", consumer.instance());
        let _: () = redis.del(&held).expect("deleted");
        done.finish = finish;
        let answers = block_on(consumer.finish(&[done]));
        assert!(matches!(answers[..], [Ok(Finished::Written)]), "{answers:?}");
        let details = block_on(transport.outcome(id)).expect("an outcome");
        assert_eq!(details.error.expect("an error").kind, TaskErrorKind::Undecodable);
    }
}

#[test]
fn what_ends_after_its_instance_is_told_so() {
    let server = RedisServer::start();
    let transport = open(&server);
    let consumer = attach(&transport);
    submit(&transport);
    let done = completed(claim(&consumer).claim);
    block_on(consumer.detach()).expect("it ends");
    let answers = block_on(consumer.finish(&[done]));
    assert!(matches!(answers[..], [Err(TransportError::Detached)]), "{answers:?}");
}

#[test]
fn a_task_that_expires_in_the_farthest_future_can_come_back() {
    let server = RedisServer::start();
    let transport = open(&server);
    let consumer = attach(&transport);
    let mut task = task();
    task.expires_in = Some(std::time::Duration::MAX);
    let id = block_on(transport.submit_one(task)).expect("accepted").task_id();
    for _ in 0..2 {
        let claim = claim(&consumer).claim;
        let done = Completion { claim, finish: Finish::Release, log: TaskLog::new() };
        assert_eq!(end(&consumer, done), Finished::Written);
        assert_eq!(block_on(transport.details_of(id)).expect("a record").status, TaskStatus::Pending);
    }
}

#[test]
fn the_queues_of_an_earlier_version_are_refused() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let _: usize = redis.sadd("rhailib:queues", "worker-1").expect("written");
    let transport = open(&server);
    let refused = block_on(transport.submit_one(task())).expect_err("refused").to_string();
    assert!(refused.contains("rhailib:*") && refused.contains("of an earlier version"), "{refused}");
    assert!(refused.contains("another prefix"), "{refused}");
}

#[test]
fn keys_of_another_version_are_refused_before_there_is_a_task() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let _: () = redis.set("{rhailib:queues}:version", "9").expect("set");
    let transport = open(&server);
    for told in [
        block_on(transport.submit_one(task())).expect_err("refused").to_string(),
        block_on(transport.attach(InstanceSpec::new(worker()))).map(drop).expect_err("refused").to_string(),
    ] {
        assert!(told.contains("have version 9") && told.contains("this is version 2"), "{told}");
    }
    let keys: Vec<String> = redis.keys("*worker-1*").expect("keys");
    assert_eq!(keys, [""; 0]);
}
