//! The list protocol, word for word, between a plain Redis client and a bridge.

mod support;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{InstanceSpec, Limits, Priority, Transport, WorkerId};
use rhai_dispatcher_list_bridge::{ListBridge, ListBridgeConfig};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use serde_json::json;
use support::{Site, runs, until, worker_id};

#[test]
fn a_pushed_task_is_run_and_its_details_are_the_reply() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    let _bridge = site.bridge();
    let fields = [
        ("script", "42"),
        ("workerId", "worker-1"),
        ("callerId", "shop"),
        ("contextId", "tea"),
        ("status", "pending"),
        ("createdAt", "2023-11-14T22:13:20.123Z"),
    ];
    site.submit("job-1", &fields);
    let reply = site.reply("job-1");
    let names: Vec<_> = reply.as_object().expect("an object").keys().cloned().collect();
    let mut expected = [
        "taskId",
        "workerId",
        "callerId",
        "contextId",
        "script",
        "status",
        "output",
        "error",
        "createdAt",
        "updatedAt",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    for (name, value) in fields.iter().filter(|(name, _)| *name != "status") {
        assert_eq!(reply[name], *value, "{name}");
    }
    assert_eq!((&reply["taskId"], &reply["status"]), (&json!("job-1"), &json!("completed")));
    assert_eq!((&reply["output"], &reply["error"]), (&json!("42"), &json!(null)));
    assert_eq!(site.field("job-1", "status").as_deref(), Some("completed"));
    assert_eq!(site.field("job-1", "output").as_deref(), Some("42"));
    assert_eq!(site.field("job-1", "updatedAt").as_deref(), reply["updatedAt"].as_str());
    assert_eq!(runs(&counted), 1);
    site.settled();
}

#[test]
fn what_is_kept_has_an_end() {
    let mut site = Site::new();
    let (_worker, _) = site.worker();
    let _bridge = site.bridge();
    site.submit("job-1", &[("script", "1")]);
    site.settled();
    let left = |site: &mut Site, key: &str| -> i64 { site.redis.pttl(key).expect("an answer") };
    until("the reply is there", || site.replies("job-1") == 1);
    let reply = left(&mut site, "rhailib:reply:job-1");
    assert!((1..=3_600_000).contains(&reply), "{reply}");
    let hash = left(&mut site, "rhailib:job-1");
    assert!((3_600_000..=86_400_000).contains(&hash), "{hash}");
    // An expiry that the client has set stays.
    let _: () = site.redis.hset("rhailib:job-2", "script", "2").expect("an answer");
    let _: () = site.redis.expire("rhailib:job-2", 500).expect("an answer");
    site.push("job-2");
    site.reply("job-2");
    let hash = left(&mut site, "rhailib:job-2");
    assert!((1..=500_000).contains(&hash), "{hash}");
}

#[test]
fn a_script_alone_is_enough_and_names_in_snake_case_are_read() {
    let mut site = Site::new();
    let (_worker, _) = site.worker();
    let _bridge = site.bridge();
    site.submit("a", &[("script", "\"Hello\"")]);
    let reply = site.reply("a");
    assert_eq!((&reply["output"], &reply["callerId"]), (&json!("Hello"), &json!("list")));
    assert!(reply["createdAt"].as_str().is_some_and(|time| time.ends_with('Z')), "{reply}");
    let created = site.field("a", "createdAt");
    assert_eq!(created.as_deref(), reply["createdAt"].as_str());

    let snake = [("script", "1"), ("worker_id", "worker-1"), ("caller_id", "shop"), ("context_id", "tea")];
    site.submit(
        "b",
        &[&snake[..], &[("created_at", "1700000000123"), ("updated_at", "1700000000123")]].concat(),
    );
    let reply = site.reply("b");
    assert_eq!((&reply["callerId"], &reply["contextId"]), (&json!("shop"), &json!("tea")));
    assert_eq!(reply["createdAt"], "1700000000123");
    assert_eq!(site.field("b", "updated_at"), None, "there is one time of the last change");
}

#[test]
fn an_error_of_the_script_is_the_reply() {
    let mut site = Site::new();
    let (_worker, _) = site.worker();
    let _bridge = site.bridge();
    site.submit("job-1", &[("script", "nope")]);
    let reply = site.reply("job-1");
    assert_eq!((&reply["status"], &reply["output"]), (&json!("error"), &json!(null)));
    assert!(reply["error"].as_str().is_some_and(|error| error.starts_with("parse: ")), "{reply}");
    assert_eq!(site.field("job-1", "error").as_deref(), reply["error"].as_str());
}

#[test]
fn what_was_pushed_first_is_submitted_first() {
    let mut site = Site::new();
    for number in 0..200 {
        site.submit(&format!("job-{number}"), &[("script", "1")]);
    }
    // One at a time, so that the order of the submits is that of the takes.
    let _bridge = site.bridge_with(ListBridgeConfig::new().with_max_held(1));
    let (_worker, _) = site.worker();
    let mut created = Vec::new();
    for number in 0..200 {
        site.reply(&format!("job-{number}"));
        let task = site.field(&format!("job-{number}"), "runsAs").expect("a task");
        let details = block_on(site.transport.details(&[task.parse().expect("an id")])).expect("an answer");
        let details = details.into_iter().next().flatten().expect("a record");
        assert_eq!(details.request_id.as_deref(), Some(&*format!("job-{number}")));
        created.push(details.created_at);
    }
    assert!(created.is_sorted(), "{created:?}");
}

#[test]
fn a_bridge_holds_no_more_ids_than_it_may() {
    let mut site = Site::new();
    let bridge = site.bridge_with(ListBridgeConfig::new().with_max_held(3));
    for number in 0..10 {
        site.submit(&format!("job-{number}"), &[("script", "1")]);
    }
    until("it holds three", || bridge.held() == 3);
    until("three are noted", || site.held().len() == 3);
    let waiting: usize = site.redis.llen("rhailib:worker-1").expect("an answer");
    assert_eq!(waiting, 7);
    let (_worker, _) = site.worker();
    for number in 0..10 {
        assert_eq!(site.reply(&format!("job-{number}"))["output"], "1");
    }
}

#[test]
fn prefixes_are_kept_apart() {
    let mut site = Site::new();
    let config = RedisConfig::new(site.server.url()).with_prefix("other");
    let other = RedisTransport::new(config).expect("a valid config");
    let worker_id = WorkerId::try_from("worker-1").expect("a name");
    let _bridge = ListBridge::new(&other, worker_id, ListBridgeConfig::new()).expect("valid").start();
    let (_worker, counted) = site.worker();
    let _own = site.bridge();
    let _: () = site.redis.hset("other:job-1", "script", "1").expect("an answer");
    let _: () = site.redis.lpush("other:worker-1", "job-1").expect("an answer");
    site.submit("job-2", &[("script", "2")]);
    assert_eq!(site.reply("job-2")["output"], "2");
    until("the other task is submitted", || {
        site.redis.hget::<_, _, Option<String>>("other:job-1", "status").expect("an answer").as_deref()
            == Some("processing")
    });
    assert_eq!(runs(&counted), 1, "no worker of that prefix runs it");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let site = Site::new();
    let new = |worker_id: &str, config| {
        let worker_id = WorkerId::try_from(worker_id).expect("a name");
        ListBridge::new(&site.transport, worker_id, config).expect_err("it is refused").field
    };
    assert_eq!(new("worker-1", ListBridgeConfig::new().with_max_held(0)), "max_held");
    assert_eq!(new("worker-1", ListBridgeConfig::new().with_lease(std::time::Duration::ZERO)), "lease");
    assert_eq!(new("worker-1", ListBridgeConfig::new().with_caller_id("")), "caller_id");
    for reserved in ["queues", "libraries"] {
        assert_eq!(new(reserved, ListBridgeConfig::new()), "worker_id");
    }
}

#[test]
fn a_bridge_that_drains_answers_what_has_ended_and_leaves_the_rest_to_others() {
    let mut site = Site::new();
    let first = site.bridge();
    let (worker, counted) = site.worker();
    site.submit("done", &[("script", "1")]);
    site.reply("done");
    site.submit("long", &[("script", "wait")]);
    until("it runs", || runs(&counted) == 2);
    block_on(first.drain());
    assert!(site.held().is_empty());
    let waiting: Vec<String> = site.redis.lrange("rhailib:worker-1", 0, -1).expect("an answer");
    assert_eq!(waiting, ["long"]);

    let _second = site.bridge();
    until("the second bridge holds it", || site.held() == ["long"]);
    let task = site.field("long", "runsAs").expect("a task").parse().expect("an id");
    let transport: Arc<dyn Transport> = Arc::new(site.transport.clone());
    block_on(transport.cancel(&[task], rhai_dispatcher_core::CancelReason::Asked)).expect("an answer");
    assert_eq!(site.reply("long")["error"], "cancelled: asked");
    assert_eq!(runs(&counted), 2, "it was not run again");
    block_on(worker.drain()).expect("it drains");
}

#[test]
fn valid_trace_is_that_of_the_task_and_in_the_reply() {
    let mut site = Site::new();
    let (_worker, _) = site.worker();
    let _bridge = site.bridge();
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let invalid = traceparent.to_uppercase();
    let transport: Arc<dyn Transport> = Arc::new(site.transport.clone());
    for (id, given, state, expected) in [
        ("traced", traceparent, "a=1", Some((traceparent, Some("a=1")))),
        ("stateless", traceparent, "a", Some((traceparent, None))),
        ("invalid", &*invalid, "a=1", None),
    ] {
        site.submit(id, &[("script", "1"), ("traceparent", given), ("tracestate", state)]);
        let reply = site.reply(id);
        assert_eq!(reply["status"], "completed", "{reply}");
        assert_eq!(reply["traceparent"].as_str(), expected.map(|(parent, _)| parent), "{reply}");
        assert_eq!(reply["tracestate"].as_str(), expected.and_then(|(_, state)| state), "{reply}");
        let task = site.field(id, "runsAs").expect("a task").parse().expect("an id");
        let record =
            block_on(transport.details(&[task])).expect("an answer").pop().flatten().expect("a record");
        let trace = record.trace.map(|trace| (trace.traceparent(), trace.tracestate().map(str::to_owned)));
        assert_eq!(trace, expected.map(|(parent, state)| (parent.to_owned(), state.map(str::to_owned))));
    }
}

#[test]
fn arguments_priority_and_limits_are_those_of_the_task() {
    let mut site = Site::new();
    let _bridge = site.bridge();
    let limits = r#"{"max_operations":1000,"max_wall_time":1.5}"#;
    let fields =
        [("script", "1"), ("args", r#"{"a":[40,{"b":2}]}"#), ("priority", "high"), ("limits", limits)];
    site.submit("job-1", &fields);
    site.submit("job-2", &[("script", "2")]);
    let transport: Arc<dyn Transport> = Arc::new(site.transport.clone());
    let consumer = block_on(transport.attach(InstanceSpec::new(worker_id()))).expect("an instance");
    let mut tasks = HashMap::new();
    while tasks.len() < 2 {
        for claimed in block_on(consumer.claim(NonZeroUsize::new(2).expect("two"))).expect("a claim") {
            tasks.insert(claimed.task.request_id.clone().expect("its id").to_string(), claimed);
        }
    }
    let task = &tasks["job-1"].task;
    assert_eq!(task.args.as_str(), r#"{"a":[40,{"b":2}]}"#);
    assert_eq!(task.priority, Priority::High);
    let expected =
        Limits::default().with_max_operations(1_000).with_max_wall_time(Duration::from_millis(1_500));
    assert_eq!(task.limits.as_deref(), Some(&expected));
    let task = &tasks["job-2"].task;
    assert!(task.args.is_null() && task.limits.is_none());
    assert_eq!(task.priority, Priority::Normal);
    block_on(consumer.detach()).expect("an answer");
}
