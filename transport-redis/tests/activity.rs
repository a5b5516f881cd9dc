//! How tasks have ended, as it stands in Redis.

mod support;

use std::sync::Arc;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{
    ActivityEntry, ActivityRange, CancelReason, Completion, Consumer, EndedRun, Finish, Finished, Json,
    Outcome, TaskErrorKind, TaskLog, TaskStatus, Transport, TransportExt,
};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::{Direction, FaultyProxy, RedisServer};
use support::{attach, claim, client, complete, config, end, ended, open, open_with, submit, until, worker};

const STREAM: &str = "{rhailib:worker-1}:activity";
const TOTAL: &str = "{rhailib:worker-1}:activity:total";

fn run_one(transport: &RedisTransport, consumer: &Arc<dyn Consumer>) -> EndedRun {
    submit(transport);
    let claimed = claim(consumer);
    complete(consumer, claimed.claim);
    ended(transport, &claimed)
}

fn entries(transport: &RedisTransport) -> Vec<ActivityEntry> {
    let read = block_on(transport.activity(&worker(), ActivityRange::latest(1_000))).expect("activity");
    read.entries.into_iter().map(|(_, entry)| entry).collect()
}

#[test]
fn answer_that_is_lost_logs_nothing_twice() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let proxy = FaultyProxy::start(server.port());
    let transport = RedisTransport::new(RedisConfig::new(proxy.url())).expect("a valid config");
    let consumer = attach(&transport);
    let (first, second) = (run_one(&transport, &consumer), run_one(&transport, &consumer));
    let ids = [second.claim.task, first.claim.task];
    let logged = format!("{{rhailib:worker-1}}:logged:{}", consumer.instance());
    proxy.black_hole(Direction::ToClient);
    consumer.record_activity(vec![first]);
    until("it is logged", || redis.exists(&logged).expect("an answer"));
    proxy.cut();
    proxy.heal();
    consumer.record_activity(vec![second]);
    block_on(consumer.detach()).expect("a detach");
    let found: Vec<_> = entries(&open(&server)).iter().map(|entry| entry.task_id).collect();
    assert_eq!(found, ids);
}

#[test]
fn runs_that_end_together_are_one_batch() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let runs: Vec<_> = (0..20).map(|_| run_one(&transport, &consumer)).collect();
    runs.into_iter().for_each(|run| consumer.record_activity(vec![run]));
    block_on(consumer.detach()).expect("a detach");
    assert_eq!(redis.xlen::<_, usize>(STREAM).expect("a length"), 1);
    assert_eq!(redis.hget::<_, _, usize>(TOTAL, "entries").expect("a number"), 20);
    assert_eq!(entries(&transport).len(), 20);
    let ttl: i64 = redis.pttl(STREAM).expect("a time");
    assert!(ttl > 23 * 60 * 60 * 1_000, "{ttl}");
}

#[test]
fn log_has_no_more_bytes_than_it_may() {
    const MOST: usize = 4_000;
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_with(&server, |config| config.with_max_activity_bytes(MOST));
    let mut last = Vec::new();
    for _ in 0..60 {
        let consumer = attach(&transport);
        let run = run_one(&transport, &consumer);
        last.push(run.claim.task);
        consumer.record_activity(vec![run]);
        block_on(consumer.detach()).expect("a detach"); // a batch for each
    }
    let bytes: usize = redis.hget(TOTAL, "bytes").expect("a number");
    assert!(bytes <= MOST && bytes > MOST / 2, "{bytes}");
    let found: Vec<_> = entries(&transport).iter().map(|entry| entry.task_id).collect();
    last.reverse();
    assert!(found.len() > 5 && found == last[..found.len()], "the newest are left: {}", found.len());
    assert_eq!(redis.hget::<_, _, usize>(TOTAL, "entries").expect("a number"), found.len());
}

#[test]
fn key_of_another_client_keeps_no_task_from_its_end() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    redis.set::<_, _, ()>(STREAM, "mine").expect("a write");
    let transport = open(&server);
    let id = submit(&transport);
    block_on(transport.cancel_one(id, CancelReason::Asked)).expect("a cancel");
    let details = block_on(transport.details_of(id)).expect("a record");
    assert_eq!(details.status, TaskStatus::Cancelled);
    assert!(block_on(transport.activity(&worker(), ActivityRange::latest(1))).is_err());
    let foreign = [("n", "1"), ("b", "\u{9}not ours")];
    redis.del::<_, ()>(STREAM).expect("a write");
    redis.xadd::<_, _, _, _, ()>(STREAM, "*", &foreign).expect("a write");
    assert_eq!(entries(&transport), [], "what can't be read is left out");
}

#[test]
fn outcome_that_was_too_large_is_logged_as_its_error() {
    let server = RedisServer::start();
    let config = config(&server).with_max_outcome_bytes(1_000);
    let transport = RedisTransport::new(config).expect("a valid config");
    let consumer = attach(&transport);
    submit(&transport);
    let claimed = claim(&consumer);
    let output = Json::of(&"x".repeat(2_000)).expect("JSON");
    let finish = Finish::Outcome(Outcome::Completed(output.into()));
    let done = Completion { claim: claimed.claim, finish, log: TaskLog::new() };
    assert_eq!(end(&consumer, done), Finished::Written);
    consumer.record_activity(vec![ended(&transport, &claimed)]);
    block_on(consumer.detach()).expect("a detach");
    let found = entries(&transport);
    assert_eq!(found[0].status, TaskStatus::Error);
    assert_eq!(found[0].error.as_ref().map(|error| error.kind), Some(TaskErrorKind::Limit));
}
