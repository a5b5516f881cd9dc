//! docs/PROTOCOL.md, checked with an independent client.

mod support;

use std::collections::HashMap;
use std::num::NonZeroUsize;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use redis::Commands;
use rhai_dispatcher_core::{
    Completion, Finish, Json, Limits, Outcome, Priority, TaskError, TaskErrorKind, TaskLog, Transport,
    TransportExt,
};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, claim_of, client, complete, config, end, open, submit, task, until};

fn record(redis: &mut redis::Connection, id: rhai_dispatcher_core::TaskId) -> HashMap<String, String> {
    redis.hgetall(format!("rhailib:{id}")).expect("a record")
}

#[test]
fn a_record_is_readable_at_every_step() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let mut task = task();
    task.priority = Priority::High;
    task.context_id = Some("context".into());
    task.limits = Some(Limits::default().with_max_operations(1_000).into());
    let id = block_on(transport.submit_one(task)).expect("accepted").task_id();
    let fields = record(&mut redis, id);
    let field = |name: &str| fields.get(name).map(String::as_str);
    assert_eq!(field("status"), Some("pending"));
    assert_eq!(field("worker_id"), Some("worker-1"));
    assert_eq!(field("caller_id"), Some("caller"));
    assert_eq!(field("context_id"), Some("context"));
    assert_eq!(field("script"), Some("40 + 2"));
    assert_eq!(field("priority"), Some("high"));
    assert_eq!(field("limits"), Some(r#"{"max_operations":1000}"#));
    assert!(field("created_at").is_some_and(|time| time.parse::<u64>().is_ok()));
    let ready: Vec<(String, f64)> =
        redis.zrange_withscores("{rhailib:worker-1}:ready:high", 0, -1).expect("an answer");
    assert_eq!(ready[0].0, id.to_string());
    let created_at: f64 = fields["created_at"].parse().expect("a time");
    assert!((0.0..1_000.0).contains(&(ready[0].1 / 1_000.0 - created_at)), "its sequence is when it came");
    let waiting: Vec<u8> = redis.hget("{rhailib:worker-1}:waiting", id.to_string()).expect("the task");
    assert_eq!(waiting[8..10], *b"hf", "a high priority, not yet started");
    assert_eq!(waiting[26], 1, "the payload begins with its version");
    assert!(waiting.ends_with(br#"{"max_operations":1000}"#), "and ends with the limits");

    let consumer = attach(&transport);
    let claimed = claim(&consumer);
    let fields = record(&mut redis, id);
    assert_eq!(fields["status"], "processing");
    let [instance, delivery, started_at] = claim_of(&fields["claim"]);
    assert_eq!((instance, delivery), (consumer.instance().to_string().as_str(), "1"));
    assert!(started_at.parse::<u64>().is_ok());
    let held = format!("{{rhailib:worker-1}}:held:{}", consumer.instance());
    let payload: Vec<u8> = redis.hget(held, id.to_string()).expect("the task");
    assert_eq!(payload, waiting);
    complete(&consumer, claimed.claim);
    let fields = record(&mut redis, id);
    assert_eq!((fields["status"].as_str(), fields["output"].as_str()), ("completed", "42"));
    let ttl: i64 = redis.ttl(format!("rhailib:{id}")).expect("an answer");
    assert!((1..=24 * 60 * 60).contains(&ttl), "{ttl}");
    let left = [
        "{rhailib:worker-1}:waiting".to_owned(),
        "{rhailib:worker-1}:ready:high".to_owned(),
        format!("{{rhailib:worker-1}}:held:{}", consumer.instance()),
    ];
    assert_eq!(redis.exists::<_, usize>(&left[..]).expect("an answer"), 0);
}

#[test]
fn scripts_are_functions_where_there_are_some() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    submit(&open(&server));
    let info: redis::InfoDict = redis::cmd("INFO").arg("server").query(&mut redis).expect("an answer");
    let version: String = info.get("redis_version").expect("a version");
    if version.split('.').next().and_then(|major| major.parse().ok()) >= Some(7) {
        let libraries: Vec<redis::Value> =
            redis::cmd("FUNCTION").arg("LIST").query(&mut redis).expect("an answer");
        assert_eq!(libraries.len(), 1, "the library loads");
    }
}

#[test]
fn an_error_has_its_kind_and_place() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let id = submit(&transport);
    let claimed = claim(&consumer);
    let error = TaskError::new(TaskErrorKind::Limit, "too much").at(Some(3), Some(9));
    let error = error.with_value(Json::parse(r#"{"code":7}"#).ok());
    let done = Completion {
        claim: claimed.claim,
        finish: Finish::Outcome(Outcome::Error(error)),
        log: TaskLog::new(),
    };
    end(&consumer, done);
    let fields = record(&mut redis, id);
    let field = |name: &str| fields[name].as_str();
    assert_eq!((field("status"), field("error_kind"), field("error")), ("error", "limit", "too much"));
    assert_eq!((field("error_line"), field("error_column")), ("3", "9"));
    assert_eq!(field("error_value"), r#"{"code":7}"#);
}

#[test]
fn what_another_client_finishes_is_found_by_a_look() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let id = submit(&transport);
    let fields = [("status", "completed"), ("output", "[1,2]"), ("updated_at", "9999999999999")];
    let _: () = redis.hset_multiple(format!("rhailib:{id}"), &fields).expect("written");
    let details = block_on(transport.details_of(id)).expect("a record");
    assert_eq!(details.output.expect("an output").to_string(), "[1,2]");
}

#[test]
fn a_client_that_goes_leaves_no_inbox() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let runner = open(&server);
    let consumer = attach(&runner);
    for _ in 0..10 {
        let transport = open(&server);
        let id = submit(&transport);
        let outcome = transport.outcome(id);
        let claimed = claim(&consumer);
        complete(&consumer, claimed.claim);
        block_on(outcome).expect("an outcome");
        drop(transport);
        let keys: Vec<String> = redis.keys("rhailib:inbox:*").expect("keys");
        assert_eq!(keys, [""; 0], "messages are not kept");
    }
    drop((consumer, runner));
    let mut subscribed = || -> Vec<String> {
        redis::cmd("PUBSUB").arg("CHANNELS").arg("rhailib:*").query(&mut redis).expect("an answer")
    };
    until("the server knows of none", || subscribed().is_empty());
}

#[test]
fn however_many_cancels_there_are_each_is_repeated() {
    const TASKS: usize = 2_500;
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    block_on(transport.submit((0..TASKS).map(|_| task().into()).collect())).expect("accepted");
    let mut cancels = redis::pipe();
    let mut count = 0;
    while count < TASKS {
        for claimed in
            block_on(consumer.claim(NonZeroUsize::new(128).expect("more than none"))).expect("claims")
        {
            // As if the message to its instance had been lost.
            let text = format!("{} {} asked", claimed.claim.instance, claimed.claim.delivery);
            cancels.hset("{rhailib:worker-1}:cancels", claimed.claim.task.to_string(), text);
            count += 1;
        }
    }
    let _: () = cancels.query(&mut redis).expect("they are set");
    let mut signals = consumer.signals();
    let mut told = 0;
    for _ in 0..10 {
        block_on(consumer.renew()).expect("a renewal");
        while signals.next().now_or_never().is_some() {
            told += 1;
        }
    }
    assert_eq!(told, TASKS);
}

#[test]
fn nothing_grows_for_ever() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let config = config(&server);
    let bounded = config.transport.clone().with_max_finished_records(3);
    let transport = RedisTransport::new(config.with_transport(bounded)).expect("a valid config");
    let consumer = attach(&transport);
    for _ in 0..2_000 {
        let id = submit(&transport);
        let outcome = transport.outcome(id);
        let claimed = claim(&consumer);
        complete(&consumer, claimed.claim);
        block_on(outcome).expect("an outcome");
    }
    let records: Vec<String> = redis.keys("rhailib:????????-*").expect("keys");
    assert_eq!(records.len(), 3, "the records of the last ones");
    let others: Vec<String> = redis.keys("rhailib:{*").expect("keys");
    for key in others {
        let kind: String = redis::cmd("TYPE").arg(&key).query(&mut redis).expect("a type");
        let length: usize = match kind.as_str() {
            "stream" => redis.xlen(&key),
            "hash" => redis.hlen(&key),
            "zset" => redis.zcard(&key),
            "list" => redis.llen(&key),
            _ => Ok(0),
        }
        .expect("a length");
        assert!(length <= 4, "{key} holds {length}");
    }
}
