//! What a queue keeps is bounded, and what it costs to keep it so.

mod support;

use std::time::Duration;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{
    CancelReason, Completion, Finish, Json, Outcome, SubmitError, Submitted, Task, TaskLog, Transport,
    TransportConfig, TransportExt,
};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, client, end, open_with, task, until, worker};

#[test]
fn records_take_no_more_bytes_than_they_may() {
    const OUTPUT: usize = 10_000;
    const KEPT: usize = 6;
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_with(&server, |config| config.with_max_finished_bytes(KEPT * (OUTPUT + 1_000)));
    let consumer = attach(&transport);
    let output = Json::of(&"x".repeat(OUTPUT)).expect("JSON");
    let mut ids = Vec::new();
    for number in 0..40 {
        let request_id = Some(number.to_string().into());
        let id = block_on(transport.submit_one(Task { request_id, ..task() })).expect("accepted").task_id();
        let finish = Finish::Outcome(Outcome::Completed(output.clone().into()));
        end(&consumer, Completion { claim: claim(&consumer).claim, finish, log: TaskLog::new() });
        ids.push(id);
    }
    let records = block_on(transport.details(&ids)).expect("records");
    let kept: Vec<_> = records.iter().map(Option::is_some).collect();
    let expected: Vec<_> = (0..ids.len()).map(|index| index + KEPT >= ids.len()).collect();
    assert_eq!(kept, expected, "those that ended last");
    let requests: usize = redis.hlen("{rhailib:worker-1}:requests").expect("a length");
    assert_eq!(requests, KEPT, "request ids go with their records");
    let total: usize = redis.hget("{rhailib:worker-1}:finished:total", "bytes").expect("a number");
    assert!((KEPT * OUTPUT..KEPT * (OUTPUT + 1_000)).contains(&total), "{total}");
}

#[test]
fn only_expiring_activity_is_left_of_a_queue_that_is_over() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_with(&server, |config| config.with_record_ttl(Duration::from_millis(300)));
    let consumer = attach(&transport);
    block_on(transport.submit_one(Task { request_id: Some("r".into()), ..task() })).expect("accepted");
    support::complete(&consumer, claim(&consumer).claim);
    let cancelled = support::submit(&transport);
    claim(&consumer);
    block_on(transport.cancel(&[cancelled], CancelReason::Asked)).expect("asked");
    block_on(consumer.detach()).expect("detached");
    let left = |redis: &mut redis::Connection| {
        let mut keys: Vec<String> = redis.keys("*rhailib:*").expect("keys");
        keys.retain(|key| !["rhailib:libraries", "{rhailib:queues}:version"].contains(&key.as_str()));
        keys.sort();
        keys
    };
    until("the records have expired", || {
        left(&mut redis).iter().all(|key| key.contains('{') || key.ends_with(":queues"))
    });
    assert_eq!(block_on(transport.queues()).expect("queues"), []);
    let activity = ["{rhailib:worker-1}:activity", "{rhailib:worker-1}:activity:total"];
    assert_eq!(left(&mut redis), [&["rhailib:queues"], &activity[..]].concat());
    let longest = TransportConfig::default().activity_ttl.as_millis();
    for key in activity {
        let ttl: i64 = redis.pttl(key).expect("a number");
        assert!(u128::try_from(ttl).is_ok_and(|ttl| (1..=longest).contains(&ttl)), "{key}: {ttl}");
    }
    // The activity is found by the name, which goes with the first list after it, an hour after the last use at the earliest.
    let name = |redis: &mut redis::Connection| redis.zscore("rhailib:queues", "worker-1").expect("a score");
    let noted_at: Option<f64> = name(&mut redis);
    let _: usize =
        redis.zadd("rhailib:queues", "worker-1", noted_at.expect("a name") - 3_600_000.0).expect("written");
    assert_eq!(block_on(transport.active_worker_ids()).expect("names"), [worker()]);
    assert_eq!(block_on(transport.queues()).expect("queues"), []);
    assert!(name(&mut redis).is_some(), "there is activity");
    let _: usize = redis.del(&activity).expect("deleted");
    assert_eq!(block_on(transport.queues()).expect("queues"), []);
    assert_eq!(name(&mut redis), None);
    assert_eq!(left(&mut redis), Vec::<String>::new());
}

#[test]
fn a_queue_that_was_noted_recently_keeps_its_name() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_with(&server, |config| config);
    block_on(transport.set_paused(&worker(), true)).expect("paused");
    block_on(transport.set_paused(&worker(), false)).expect("resumed");
    assert_eq!(block_on(transport.queues()).expect("queues"), []);
    let names: Vec<String> = redis.zrange("rhailib:queues", 0, -1).expect("names");
    assert_eq!(names, ["worker-1"], "a submit may be on its way that has noted it before");
    support::submit(&transport);
    let queues = block_on(transport.queues()).expect("queues");
    assert_eq!(queues.iter().map(|queue| queue.waiting()).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_lowered_bound_is_reached_step_by_step() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let run = |transport: &RedisTransport, count: usize| {
        let consumer = attach(transport);
        for _ in 0..count {
            support::submit(transport);
            support::complete(&consumer, claim(&consumer).claim);
        }
        block_on(consumer.detach()).expect("detached");
    };
    run(&open_with(&server, |config| config), 100);
    let lowered = open_with(&server, |config| config.with_max_finished_records(5));
    run(&lowered, 1);
    let left: usize = redis.hget("{rhailib:worker-1}:finished:total", "records").expect("a number");
    assert!((80..100).contains(&left), "one call deletes a few: {left} are left");
    run(&lowered, 20);
    let left: usize = redis.hget("{rhailib:worker-1}:finished:total", "records").expect("a number");
    let records: Vec<String> = redis.keys("rhailib:????????-*").expect("keys");
    assert_eq!((left, records.len()), (5, 5));
}

#[test]
fn what_has_expired_in_a_full_queue_makes_room_step_by_step() {
    const LIMIT: usize = 500;
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_with(&server, |config| config.with_queue_limit(LIMIT));
    let expiring = || Task { awaited: false, expires_in: Some(Duration::from_millis(1_500)), ..task() };
    let batch = (0..LIMIT).map(|_| expiring().into()).collect();
    let answers = block_on(transport.submit(batch)).expect("a submit");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Submitted::Accepted(_)))));
    let refused = block_on(transport.submit(vec![task().into()])).expect("a submit").remove(0);
    assert!(matches!(refused, Err(SubmitError::QueueFull { .. })), "{refused:?}");
    // No instance serves the queue, and none looks.
    support::until("it takes again", || block_on(transport.submit_one(task())).is_ok());
    let waiting: usize = redis.hlen("{rhailib:worker-1}:waiting").expect("a length");
    assert!(waiting > LIMIT / 2, "one call ends a few: {waiting} wait");
    support::until("the rest has expired, and is not counted", || {
        block_on(transport.queues()).expect("queues")[0].waiting() == 1
    });
    for key in ["waiting", "expiring", "ready:normal"] {
        let key = format!("{{rhailib:worker-1}}:{key}");
        let kind: String = redis::cmd("TYPE").arg(&key).query(&mut redis).expect("a type");
        let left: usize = match kind.as_str() {
            "hash" => redis.hlen(&key),
            _ => redis.zcard(&key),
        }
        .expect("a length");
        assert_eq!(left, usize::from(!key.ends_with("expiring")), "{key}");
    }
}
