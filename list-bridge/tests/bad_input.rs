//! Bad ids, bad hashes and keys of the wrong type: each has an error that names the field, and the bridge continues.

mod support;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{Payload, Task, TaskId, Transport, TransportExt};
use support::{Site, runs, until, worker_id};

/// The reply to an id is an error with this text, and nothing of the id is left.
#[track_caller]
fn refused(site: &mut Site, id: &str, says: &[&str]) {
    let reply = site.reply(id);
    assert_eq!((&reply["status"], &reply["taskId"]), (&"error".into(), &id.into()), "{reply}");
    let error = reply["error"].as_str().expect("an error");
    assert!(says.iter().all(|says| error.contains(says)), "{says:?}: {error}");
    site.settled();
}

#[test]
fn a_missing_hash_or_script_is_an_error() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    let _bridge = site.bridge();
    site.push("nothing");
    refused(&mut site, "nothing", &["script: rhailib:nothing does not exist", "HSET rhailib:nothing script"]);
    let exists: bool = site.redis.exists("rhailib:nothing").expect("an answer");
    assert!(!exists, "no hash is made");
    site.submit("empty", &[("callerId", "shop")]);
    refused(&mut site, "empty", &["script: is missing or empty"]);
    assert_eq!(site.field("empty", "status").as_deref(), Some("error"));
    assert_eq!(
        site.field("empty", "error").as_deref(),
        Some("script: is missing or empty; write it into the hash before the id is pushed")
    );
    site.submit("method", &[("method", "billing.charge"), ("args", "{}")]);
    refused(&mut site, "method", &["method: is not a field of the list protocol", "rhaid call --method"]);
    // The same id with a script is served.
    site.submit("nothing", &[("script", "1")]);
    assert_eq!(site.reply("nothing")["output"], "1");
    assert_eq!(runs(&counted), 1);
    site.serves();
}

#[test]
fn bad_fields_are_named() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    let _bridge = site.bridge();
    let long = "x".repeat(300 * 1024);
    let label = "x".repeat(257);
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(1_100_000));
    for (field, value, says) in [
        ("script", &*long, "script: has 307200 bytes, and the limit is 262144"),
        ("callerId", &label, "callerId: has 257 bytes, and the limit is 256"),
        ("caller_id", "a\nb", "callerId: \"a\\nb\" has a control character"),
        ("contextId", &label, "contextId: has 257 bytes"),
        ("args", "[1]", "args: is not an object; write a JSON object"),
        ("args", "{\"a\":", "args: is not JSON: EOF"),
        (
            "args",
            "{\"a\":12345678901234567890}",
            "args: has the whole number 12345678901234567890, beyond 64 bits with a sign",
        ),
        ("args", &huge, "args: has 1100008 bytes, and the limit is 1048576"),
        ("priority", "urgent", "priority: "),
        ("priority", "urgent", "use high, normal or low"),
        ("limits", "1000", "limits: "),
        ("limits", "{\"max_opertions\":1000}", "no limit is named \"max_opertions\""),
        ("limits", "{\"max_operations\":0}", "max_operations"),
        ("limits", "{\"max_operations\":\"many\"}", "limits: "),
        (
            "workerId",
            "worker-2",
            "workerId: is \"worker-2\", and the task was pushed to the list of worker-1",
        ),
    ] {
        let id = TaskId::new().to_string();
        let script = if field == "script" { value } else { "1" };
        site.submit(&id, &[("script", script), (field, value)]);
        refused(&mut site, &id, &[says]);
    }
    let _: () = site.redis.hset("rhailib:bytes", "script", b"\xff\xfe".as_slice()).expect("an answer");
    site.push("bytes");
    refused(&mut site, "bytes", &["script: is not UTF-8"]);
    assert_eq!(runs(&counted), 0);
    site.serves();
}

#[test]
fn bad_ids_reach_no_other_key() {
    let mut site = Site::new();
    let (_worker, _) = site.worker();
    let _bridge = site.bridge();
    site.serves();
    let queues =
        |site: &mut Site| -> Vec<String> { site.redis.zrange("rhailib:queues", 0, -1).expect("an answer") };
    let before = queues(&mut site);
    assert_eq!(before, ["worker-1"]);
    let long = "x".repeat(129);
    for id in [
        "queues",
        "libraries",
        "{worker-1}:waiting",
        "{worker-1}:state",
        "inbox:1",
        "reply:x",
        "a b",
        "a\r\nb",
        "ä",
        "",
        &long,
    ] {
        site.push(id);
        refused(&mut site, id, &["taskId: "]);
    }
    // The name of a key that is a list: that of the queue itself.
    site.push("worker-1");
    let reply = site.reply("worker-1");
    let error = reply["error"].as_str().expect("an error");
    assert!(error.contains("does not exist") || error.contains("is a list, and not a hash"), "{error}");
    assert_eq!(queues(&mut site), before);
    // Longer ones have no reply, and are dropped.
    site.push(&"y".repeat(2_000));
    site.settled();
    site.serves();
}

#[test]
fn keys_of_the_wrong_type_are_named() {
    let mut site = Site::new();
    let (_worker, _) = site.worker();
    let _bridge = site.bridge();
    let _: () = site.redis.set("rhailib:text", "theirs").expect("an answer");
    site.push("text");
    refused(&mut site, "text", &["taskId: rhailib:text is a string, and not a hash"]);
    let theirs: String = site.redis.get("rhailib:text").expect("an answer");
    assert_eq!(theirs, "theirs");

    let _: () = site.redis.set("rhailib:reply:job-1", "theirs").expect("an answer");
    site.submit("job-1", &[("script", "1")]);
    until("its outcome is written", || site.field("job-1", "status").as_deref() == Some("completed"));
    site.settled();
    until("the problem is noted", || site.field("job-1", "replyError").is_some());
    let problem = site.field("job-1", "replyError").expect("a problem");
    assert_eq!(problem, "rhailib:reply:job-1 is a string, and not a list");
    assert_eq!(site.field("job-1", "output").as_deref(), Some("1"), "nothing is lost");
    let theirs: String = site.redis.get("rhailib:reply:job-1").expect("an answer");
    assert_eq!(theirs, "theirs");
    site.serves();

    // The queue itself, for a while.
    let _: () = site.redis.set("rhailib:worker-1", "theirs").expect("an answer");
    std::thread::sleep(std::time::Duration::from_millis(100));
    let _: () = site.redis.del("rhailib:worker-1").expect("an answer");
    site.serves();
}

#[test]
fn the_record_of_a_task_is_not_a_clients_hash() {
    let mut site = Site::new();
    let mut waiting = Task::new(worker_id(), Payload::script("1"), "caller");
    waiting.delay = std::time::Duration::from_secs(3_600);
    let mut awaited = waiting.clone();
    (awaited.id, awaited.awaited) = (TaskId::new(), true);
    let ended = Task::new(worker_id(), Payload::script("2"), "caller");
    let (_worker, counted) = site.worker();
    for task in [&waiting, &awaited, &ended] {
        block_on(site.transport.submit_one(task.clone())).expect("accepted");
    }
    block_on(site.transport.outcome(ended.id)).expect("an outcome");
    let before: Vec<_> =
        [waiting.id, awaited.id, ended.id].into_iter().map(|id| record(&mut site, id)).collect();
    let _bridge = site.bridge();
    for task in [&waiting, &awaited, &ended] {
        site.push(&task.id.to_string());
        refused(&mut site, &task.id.to_string(), &["taskId: ", "is a task of the dispatcher"]);
    }
    let after: Vec<_> =
        [waiting.id, awaited.id, ended.id].into_iter().map(|id| record(&mut site, id)).collect();
    assert_eq!(before, after);
    assert_eq!(runs(&counted), 1);
    site.serves();
}

fn record(site: &mut Site, id: TaskId) -> std::collections::BTreeMap<String, String> {
    site.redis.hgetall(format!("rhailib:{id}")).expect("an answer")
}

#[test]
fn an_id_pushed_twice_has_one_run_and_one_reply() {
    let mut site = Site::new();
    site.submit("job-1", &[("script", "1")]);
    site.push("job-1");
    site.push("job-1");
    let _bridge = site.bridge();
    let (_worker, counted) = site.worker();
    site.reply("job-1");
    site.settled();
    assert_eq!((runs(&counted), site.replies("job-1")), (1, 0));

    // Two bridges, and an id that each of them takes.
    let _other = site.bridge();
    site.submit("job-2", &[("script", "wait")]);
    until("both have it", || {
        site.push("job-2");
        site.holders("job-2") == 2
    });
    until("it runs", || runs(&counted) == 2);
    let task = site.field("job-2", "runsAs").expect("a task").parse().expect("an id");
    block_on(site.transport.cancel_one(task, rhai_dispatcher_core::CancelReason::Asked)).expect("an answer");
    site.reply("job-2");
    site.settled();
    assert_eq!((runs(&counted), site.replies("job-2")), (2, 0));
}

#[test]
fn an_id_pushed_after_its_outcome_is_answered_again_and_not_run() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    let _bridge = site.bridge();
    site.submit("job-1", &[("script", "1")]);
    let first = site.reply("job-1");
    site.settled();
    until("its token is gone", || site.field("job-1", "replyToken").is_none());
    site.push("job-1");
    assert_eq!(site.reply("job-1"), first);
    // Another script needs another id.
    site.settled();
    site.submit("job-1", &[("script", "2"), ("status", "pending")]);
    let reply = site.reply("job-1");
    let error = reply["error"].as_str().expect("an error");
    assert!(error.starts_with("taskId: it was used for another script, task "), "{error}");
    // Also for another caller, whose request ids are its own.
    site.submit("job-1", &[("script", "2"), ("status", "pending"), ("callerId", "other")]);
    let reply = site.reply("job-1");
    let error = reply["error"].as_str().expect("an error");
    assert!(error.starts_with("taskId: it was used for another script, task "), "{error}");
    assert_eq!(runs(&counted), 1);
    site.serves();
}
