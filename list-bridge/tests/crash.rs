//! Bridges that die at any command, or are taken for dead: each id is run once and answered once.

mod support;

use std::time::Duration;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{CancelReason, Cancelled, Payload, Task, Transport, TransportExt};
use rhai_dispatcher_list_bridge::{ListBridgeConfig, ListId, ListTasks};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::FaultyProxy;
use support::{Cut, CuttingProxy, Site, bridge, runs, until, worker_id};

/// Short enough for many deaths.
const LEASE: Duration = Duration::from_millis(200);

fn mortal() -> ListBridgeConfig {
    ListBridgeConfig::new().with_lease(LEASE)
}

#[test]
fn a_bridge_that_dies_at_any_command_loses_and_repeats_nothing() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    for at in 1.. {
        for cut in [Cut::Before, Cut::After] {
            let id = format!("job-{at}-{cut:?}");
            let before = runs(&counted);
            let proxy = CuttingProxy::start(site.server.port(), at, cut);
            let config = RedisConfig::new(proxy.url()).with_call_timeout(Duration::from_secs(2));
            let transport = RedisTransport::new(config).expect("a valid config");
            let first = bridge(&transport, mortal());
            site.submit(&id, &[("script", "42")]);
            until("it dies, or has answered", || {
                proxy.is_cut() || (site.replies(&id) == 1 && site.field(&id, "replyToken").is_none())
            });
            let is_done = !proxy.is_cut();
            drop(first);
            drop(transport);
            drop(proxy);

            let second = site.bridge_with(mortal());
            let reply = site.reply(&id);
            assert_eq!(
                (&reply["status"], &reply["output"]),
                (&"completed".into(), &"42".into()),
                "{id}: {reply}"
            );
            site.settled();
            block_on(second.drain());
            assert_eq!(site.replies(&id), 0, "{id}: a second reply");
            assert_eq!(runs(&counted) - before, 1, "{id}: runs");
            assert_eq!(site.field(&id, "status").as_deref(), Some("completed"), "{id}");
            if is_done {
                assert!(at > 20, "it takes more commands than that: {at}");
                return;
            }
        }
    }
}

#[test]
fn a_bridge_that_dies_at_any_command_answers_a_bad_id_once() {
    let mut site = Site::new();
    for at in 1.. {
        for cut in [Cut::Before, Cut::After] {
            let id = format!("no job {at} {cut:?}");
            let proxy = CuttingProxy::start(site.server.port(), at, cut);
            let config = RedisConfig::new(proxy.url()).with_call_timeout(Duration::from_secs(2));
            let transport = RedisTransport::new(config).expect("a valid config");
            let first = bridge(&transport, mortal());
            site.push(&id);
            until("it dies, or has answered", || {
                proxy.is_cut() || (site.replies(&id) == 1 && site.held().is_empty())
            });
            let is_done = !proxy.is_cut();
            drop((first, transport, proxy));
            let second = site.bridge_with(mortal());
            assert_eq!(site.reply(&id)["status"], "error");
            site.settled();
            block_on(second.drain());
            assert_eq!(site.replies(&id), 0, "{id}: a second reply");
            if is_done {
                return;
            }
        }
    }
}

#[test]
fn a_bridge_whose_connections_break_at_any_command_answers_once() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    for at in 1.. {
        let id = format!("job-{at}");
        let before = runs(&counted);
        let proxy = CuttingProxy::start_healing(site.server.port(), at, Cut::After);
        let config = RedisConfig::new(proxy.url()).with_call_timeout(Duration::from_secs(5));
        let transport = RedisTransport::new(config).expect("a valid config");
        // It is the only one, and lives.
        let bridge = bridge(&transport, mortal());
        site.submit(&id, &[("script", "42")]);
        assert_eq!(site.reply(&id)["output"], "42", "{id}");
        until("it is answered", || bridge.held() == 0);
        assert!(site.held().is_empty(), "{id}: it is struck off");
        let is_done = !proxy.is_cut();
        assert_eq!(site.field(&id, "replyToken"), None, "{id}: the token is forgotten");
        // Its client has lost the reply, and asks for it again.
        site.push(&id);
        assert_eq!(site.reply(&id)["output"], "42", "{id}");
        until("it is answered again", || bridge.held() == 0);
        block_on(bridge.drain());
        assert_eq!((site.replies(&id), runs(&counted) - before), (0, 1), "{id}");
        if is_done {
            return;
        }
    }
}

#[test]
fn a_bridge_whose_id_was_taken_over_leaves_the_token_of_its_reply() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    let first = site.bridge();
    site.submit("job-1", &[("script", "wait")]);
    until("it runs", || runs(&counted) == 1);
    until("its hash says so", || site.field("job-1", "status").as_deref() == Some("processing"));
    first.stop_taking();
    // As another bridge does once the lease is over.
    let lists: Vec<String> = site.redis.keys("{rhailib:worker-1}:bridge:*").expect("an answer");
    let moved: String = redis::cmd("LMOVE")
        .arg(&lists)
        .arg("rhailib:worker-1")
        .arg("LEFT")
        .arg("RIGHT")
        .query(&mut site.redis)
        .expect("an answer");
    assert_eq!(moved, "job-1");
    let task = site.field("job-1", "runsAs").expect("a task").parse().expect("an id");
    block_on(site.transport.cancel_one(task, CancelReason::Asked)).expect("an answer");
    site.reply("job-1");
    until("the first bridge has ended with it", || first.held() == 0);
    let second = site.bridge();
    site.settled();
    block_on(second.drain());
    assert_eq!(site.replies("job-1"), 0, "a second reply");
    until("the token is forgotten", || site.field("job-1", "replyToken").is_none());
}

#[test]
fn a_bridge_that_was_taken_for_dead_repeats_no_reply() {
    let mut site = Site::new();
    let (_worker, counted) = site.worker();
    let proxy = FaultyProxy::start(site.server.port());
    let config = RedisConfig::new(proxy.url()).with_call_timeout(Duration::from_secs(20));
    let transport = RedisTransport::new(config).expect("a valid config");
    let first = bridge(&transport, mortal());
    let ids: Vec<_> = (0..20).map(|number| format!("job-{number}")).collect();
    for id in &ids {
        site.submit(id, &[("script", "wait")]);
    }
    until("they run", || runs(&counted) == ids.len());
    // Its network is away for longer than its lease.
    proxy.black_hole(rhai_dispatcher_test_redis::Direction::ToServer);
    let second = site.bridge_with(mortal());
    until("another bridge has them", || second.held() == ids.len());
    proxy.heal();
    for id in &ids {
        let task = site.field(id, "runsAs").expect("a task").parse().expect("an id");
        block_on(site.transport.cancel_one(task, CancelReason::Asked)).expect("an answer");
    }
    for id in &ids {
        assert_eq!(site.reply(id)["error"], "cancelled: asked");
    }
    site.settled();
    until("the first bridge has ended with them", || first.held() == 0);
    until("the second bridge has ended with them", || second.held() == 0);
    for id in &ids {
        assert_eq!(site.replies(id), 0, "{id}: a second reply");
    }
    assert_eq!(runs(&counted), ids.len());
}

#[test]
fn ids_that_a_restarted_server_kept_are_served() {
    let mut site = Site::new();
    let (_worker, _) = site.worker();
    let bridge = site.bridge();
    site.submit("job-1", &[("script", "1")]);
    site.reply("job-1");
    site.settled();
    // The server ends its connections, and loses its scripts.
    for command in [&["SCRIPT", "FLUSH"][..], &["CLIENT", "KILL", "TYPE", "normal"]] {
        let _ = site.server.command(command);
    }
    site.redis =
        redis::Client::open(site.server.url()).expect("a URL").get_connection().expect("a connection");
    site.submit("job-2", &[("script", "2")]);
    assert_eq!(site.reply("job-2")["output"], "2");
    until("it holds nothing", || bridge.held() == 0);
}

#[test]
fn dead_bridges_are_forgotten_in_time() {
    let mut site = Site::new();
    for _ in 0..5 {
        drop(site.bridge_with(mortal()));
    }
    let listed = |site: &mut Site| -> usize {
        redis::cmd("ZCARD").arg("{rhailib:worker-1}:bridges").query(&mut site.redis).expect("an answer")
    };
    let _living = site.bridge_with(mortal());
    until("it is listed", || listed(&mut site) >= 1);
    // As if they had died a minute ago.
    let bridges: Vec<String> = redis::cmd("ZRANGE")
        .arg("{rhailib:worker-1}:bridges")
        .arg(0)
        .arg(-1)
        .query(&mut site.redis)
        .expect("an answer");
    for dead in bridges {
        let _: () = redis::cmd("ZADD")
            .arg("{rhailib:worker-1}:bridges")
            .arg(1_000)
            .arg(dead)
            .query(&mut site.redis)
            .expect("an answer");
    }
    until("the living one is left", || listed(&mut site) == 1);
}

#[test]
fn a_cancel_after_the_outcome_of_a_dead_bridges_task_changes_nothing() {
    let mut site = Site::new();
    let (worker, counted) = site.worker();
    // What a bridge leaves that died before it wrote the outcome.
    let mut task = Task::new(worker_id(), Payload::script("42"), "list");
    task.request_id = Some("job-1".into());
    block_on(site.transport.submit_one(task.clone())).expect("accepted");
    block_on(site.transport.outcome(task.id)).expect("an outcome");
    let fields = [("script", "42"), ("status", "processing"), ("runsAs", &task.id.to_string())];
    site.submit("job-1", &fields);
    let id = ListId::try_from("job-1").expect("an id");
    let client = ListTasks::new(&site.transport);
    let cancelled = block_on(client.cancel(&id, CancelReason::Asked)).expect("an answer");
    assert_eq!(cancelled, Cancelled::AlreadyFinished);
    let _bridge = site.bridge();
    let reply = site.reply("job-1");
    assert_eq!((&reply["status"], &reply["output"]), (&"completed".into(), &"42".into()), "{reply}");
    // The same with a task that waits: it is not run after its client was told that it is cancelled.
    block_on(worker.drain()).expect("it drains");
    let mut waiting = Task::new(worker_id(), Payload::script("43"), "list");
    waiting.request_id = Some("job-2".into());
    block_on(site.transport.submit_one(waiting.clone())).expect("accepted");
    let noted = waiting.id.to_string();
    site.submit("job-2", &[("script", "43"), ("runsAs", &noted), ("cancelAsked", "1")]);
    assert_eq!(site.reply("job-2")["error"], "cancelled: asked");
    let details = block_on(site.transport.outcome(waiting.id)).expect("an outcome");
    assert_eq!((details.cancel_reason, runs(&counted)), (Some(CancelReason::Asked), 1));
}
