//! An instance whose lanes claim no more.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{Completion, Finish, Finished, TaskId, TaskLog};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, claim_of, client, end, open, submit, until, wait_for_tasks};

const IDLE: &str = "{rhailib:worker-1}:idle";

/// The status of a task, which start of it has been claimed, and when that was.
fn state(redis: &mut redis::Connection, id: TaskId) -> (String, u32, String) {
    let fields = ["status", "claim"];
    let (status, claim): (String, String) = redis.hmget(format!("rhailib:{id}"), &fields).expect("a record");
    let [_, delivery, started_at] = claim_of(&claim);
    (status, delivery.parse().expect("a number"), started_at.to_owned())
}

#[test]
fn released_task_does_not_come_to_it_again() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    for _ in 0..20 {
        let id = submit(&transport);
        let claim = claim(&consumer).claim;
        assert_eq!(claim.task, id);
        let (.., started_at) = state(&mut redis, id);
        thread::sleep(Duration::from_millis(2)); // so that another start shows
        drop(wait_for_tasks(&mut redis, &consumer));
        let done = Completion { claim, finish: Finish::Release, log: TaskLog::new() };
        assert_eq!(end(&consumer, done), Finished::Written);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(state(&mut redis, id), ("pending".to_owned(), 0, started_at));
        // So that there is nothing to claim in the next round.
        block_on(rhai_dispatcher_core::TransportExt::cancel_one(
            &transport,
            id,
            rhai_dispatcher_core::CancelReason::Asked,
        ))
        .expect("cancelled");
    }
}

#[test]
fn a_release_that_is_sent_again_leaves_what_was_claimed_anew() {
    /// What was sent, from the server's log: id, time, duration, command, client's address and name.
    type Logged = (u64, u64, u64, Vec<Vec<u8>>, String, String);
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let id = submit(&transport);
    let first = claim(&consumer).claim;
    let _ = server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    let done = Completion { claim: first, finish: Finish::Release, log: TaskLog::new() };
    assert_eq!(end(&consumer, done.clone()), Finished::Written);
    let again = claim(&consumer).claim;
    assert_eq!(again, first, "the delivery was not counted");
    let log: Vec<Logged> = redis::cmd("SLOWLOG").arg("GET").arg(128).query(&mut redis).expect("a log");
    let sent = log
        .into_iter()
        .map(|entry| entry.3)
        .find(|command| command.len() > 1 && command[1].ends_with(b"_finish"));
    let sent = sent.expect("the release");
    let mut repeated = redis::cmd(std::str::from_utf8(&sent[0]).expect("a name"));
    let answers: Vec<redis::Value> = repeated.arg(&sent[1..]).query(&mut redis).expect("an answer");
    assert_eq!(answers[1], redis::Value::BulkString(b"w".to_vec()));
    assert_eq!(state(&mut redis, id).0, "processing", "it still runs");
    // Another one is another one.
    assert_eq!(end(&consumer, done), Finished::Written);
    assert_eq!(state(&mut redis, id).0, "pending");
}

#[test]
fn it_is_delivered_nothing_from_then_on() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let instance = consumer.instance().to_string();
    drop(wait_for_tasks(&mut redis, &consumer));
    let start = Instant::now();
    until("it has left", || !redis.hexists::<_, _, bool>(IDLE, &instance).expect("an answer"));
    assert!(start.elapsed() < Duration::from_secs(1), "its wait had ended by itself");
    let id = submit(&transport);
    let started: bool = redis.hexists(format!("rhailib:{id}"), "claim").expect("a record");
    assert!(!started);
    // It may come again.
    assert_eq!(claim(&consumer).claim.task, id);
}

#[test]
fn one_that_is_gone_leaves_no_list() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    for _ in 0..10 {
        let consumer = attach(&transport);
        let waiting = wait_for_tasks(&mut redis, &consumer);
        block_on(consumer.detach()).expect("detached");
        block_on(waiting).expect_err("it has ended");
    }
    // Now one whose process has died while it waited, with a task that it was given and did not read.
    let consumer = attach(&transport);
    let deliveries = format!("{{rhailib:worker-1}}:deliveries:{}", consumer.instance());
    let credit = "return redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>ddI4I1', 1, 1, 10, 1))";
    let _ = server.command(&["EVAL", credit, "1", IDLE, &consumer.instance().to_string()]);
    submit(&transport);
    assert!(redis.exists::<_, bool>(&deliveries).expect("an answer"));
    support::report_crash(&transport, &consumer, &[]);
    submit(&transport);
    assert_eq!(redis.keys::<_, Vec<String>>("*:deliveries:*").expect("keys"), [""; 0]);
}
