//! What a bridge does when something is full: its own bounds, the server's memory, a queue, or a server that refuses writes.

mod support;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{Transport, TransportExt};
use rhai_dispatcher_list_bridge::ListBridgeConfig;
use support::{Site, runs, until, worker_id};

#[test]
fn an_id_pushed_twice_while_its_outcome_can_not_be_written_has_one_reply() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    // The bridge is a user of its own, so that only its writes can fail.
    let user = |site: &mut Site, rules: &[&str]| {
        let set = redis::cmd("ACL").arg("SETUSER").arg("bridge").arg(rules).exec(&mut site.redis);
        set.expect("an answer");
    };
    user(&mut site, &["on", ">secret", "~*", "&*", "+@all"]);
    let url = format!("redis://bridge:secret@127.0.0.1:{}/", site.server.port());
    let config = rhai_dispatcher_redis::RedisConfig::new(url);
    let transport = rhai_dispatcher_redis::RedisTransport::new(config).expect("a valid config");
    let bridge = support::bridge(&transport, ListBridgeConfig::new());
    site.submit("job-1", &[("script", "wait")]);
    until("its hash says so", || site.field("job-1", "status").as_deref() == Some("processing"));
    user(&mut site, &["-hset"]);
    let task = site.field("job-1", "runsAs").expect("a task").parse().expect("an id");
    block_on(site.transport.cancel_one(task, rhai_dispatcher_core::CancelReason::Asked)).expect("an answer");
    until("its outcome is refused", || {
        let refused: Vec<redis::Value> =
            redis::cmd("ACL").arg("LOG").query(&mut site.redis).expect("an answer");
        !refused.is_empty()
    });
    site.push("job-1");
    until("the bridge has it twice", || site.held().len() == 2);
    user(&mut site, &["+hset"]);
    assert_eq!(site.reply("job-1")["error"], "cancelled: asked");
    site.settled();
    until("the bridge holds nothing", || bridge.held() == 0);
    assert_eq!((runs(&counted), site.replies("job-1")), (1, 0));
    site.serves();
}

#[test]
fn an_output_that_is_too_long_is_an_error() {
    let mut site = Site::new();
    let (_worker, _) = site.worker();
    let _bridge = site.bridge_with(ListBridgeConfig::new().with_max_output_bytes(10));
    site.submit("job-1", &[("script", "\"0123456789\"")]);
    assert_eq!(site.reply("job-1")["output"], "0123456789");
    site.submit("job-2", &[("script", "\"01234567890\"")]);
    let reply = site.reply("job-2");
    let error = reply["error"].as_str().expect("an error");
    assert!(error.starts_with("output: has 11 bytes, and the limit is 10"), "{error}");
}

#[test]
fn a_full_memory_keeps_no_reply_back() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    let bridge = site.bridge();
    let ids: Vec<_> = (0..5).map(|number| format!("job-{number}")).collect();
    for id in &ids {
        site.submit(id, &[("script", "wait")]);
    }
    until("they run", || runs(&counted) == ids.len());
    until("their hashes say so", || {
        ids.iter().all(|id| site.field(id, "status").as_deref() == Some("processing"))
    });
    let tasks: Vec<_> = ids.iter().map(|id| site.field(id, "runsAs").expect("a task")).collect();
    let tasks: Vec<_> = tasks.iter().map(|task| task.parse().expect("an id")).collect();
    let _ = site.server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let pushed = site.redis.lpush::<_, _, ()>("rhailib:worker-1", "job-9").expect_err("it is full");
    assert_eq!(pushed.code(), Some("OOM"), "{pushed}");
    block_on(site.transport.cancel(&tasks, rhai_dispatcher_core::CancelReason::Asked)).expect("an answer");
    for id in &ids {
        assert_eq!(site.reply(id)["error"], "cancelled: asked");
    }
    until("it holds nothing", || bridge.held() == 0);
    let _ = site.server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    site.serves();
}

#[test]
fn a_bridge_reads_no_more_bytes_than_it_may_hold() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    let bridge = site.bridge_with(ListBridgeConfig::new().with_max_held_bytes(250_000));
    let args = format!("{{\"a\":\"{}\"}}", "x".repeat(100_000));
    for number in 0..6 {
        site.submit(&format!("job-{number}"), &[("script", "wait"), ("args", &args)]);
    }
    for ended in 0..6 {
        let started = (ended + 2).min(6);
        until("two of them run", || runs(&counted) == started);
        let mut running = Vec::new();
        until("their hashes say so", || {
            let ids = (0..6).map(|number| format!("job-{number}"));
            running = ids.filter(|id| site.field(id, "status").as_deref() == Some("processing")).collect();
            running.len() == started - ended
        });
        assert_eq!(runs(&counted), started, "the others wait");
        let task = site.field(&running[0], "runsAs").expect("a task").parse().expect("an id");
        let cancel = site.transport.cancel_one(task, rhai_dispatcher_core::CancelReason::Asked);
        block_on(cancel).expect("an answer");
        assert_eq!(site.reply(&running[0])["error"], "cancelled: asked");
    }
    until("it holds nothing", || bridge.held() == 0);
    // What is larger than all of it is served alone.
    let text = format!("\"{}\"", "y".repeat(255_000));
    let args = format!("{{\"a\":\"{}\"}}", "x".repeat(1_000_000));
    site.submit("large", &[("script", &text), ("args", &args)]);
    assert_eq!(site.reply("large")["status"], "completed");
}

#[test]
fn a_full_queue_of_the_dispatcher_delays_and_loses_nothing() {
    let mut site = Site::new();
    let config = rhai_dispatcher_core::TransportConfig::default().with_queue_limit(2);
    let config = rhai_dispatcher_redis::RedisConfig::new(site.server.url()).with_transport(config);
    let narrow = rhai_dispatcher_redis::RedisTransport::new(config).expect("a valid config");
    let _bridge = support::bridge(&narrow, ListBridgeConfig::new());
    for number in 0..20 {
        site.submit(&format!("job-{number}"), &[("script", "1")]);
    }
    until("the queue is full", || {
        block_on(site.transport.queue(&worker_id())).expect("an answer").waiting() == 2
    });
    let (_worker, _) = site.worker();
    for number in 0..20 {
        assert_eq!(site.reply(&format!("job-{number}"))["output"], "1");
    }
}
