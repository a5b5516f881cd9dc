//! Servers whose memory or disk is full, and what clients leave in a server.

mod support;

use std::fs;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{CancelReason, Cancelled, TaskStatus, Transport, TransportExt};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, complete, config, open, submit, task, until};

/// A handle that gives up soon.
fn open_impatient(server: &RedisServer) -> RedisTransport {
    RedisTransport::new(config(server).with_call_timeout(Duration::from_millis(500))).expect("a valid config")
}

fn set_full(server: &RedisServer, is_full: bool) {
    let _ = server.command(&["CONFIG", "SET", "maxmemory", if is_full { "1" } else { "0" }]);
}

fn is_old(server: &RedisServer) -> bool {
    server.command(&["INFO", "server"]).contains("redis_version:6")
}

/// How often a command was called.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let statistics = server.command(&["INFO", "commandstats"]);
    let line = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

/// All that a new process does while the memory is full, but for submitting. `prepare` comes after that.
fn go_on_without_memory(prepare: impl Fn(&RedisServer)) {
    let server = &RedisServer::start();
    let before = open(server);
    let [first, second] = [submit(&before), submit(&before)];
    set_full(server, true);
    prepare(server);
    let [looker, canceller, runner] = [open(server), open(server), open(server)];
    assert_eq!(block_on(looker.details_of(first)).expect("a record").status, TaskStatus::Pending);
    assert_eq!(
        block_on(canceller.cancel(&[second], CancelReason::Asked)).expect("cancelled"),
        [Cancelled::Removed]
    );
    let consumer = attach(&runner);
    let claimed = claim(&consumer);
    assert_eq!(claimed.claim.task, first);
    assert_eq!(block_on(consumer.renew()).expect("renewed"), []);
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(looker.details_of(first)).expect("a record").status, TaskStatus::Completed);
    let instances = block_on(looker.instances(None)).expect("instances");
    assert!(instances.iter().any(|info| info.instance == consumer.instance()));
    assert_eq!(block_on(looker.queues()).expect("queues").len(), 1);
}

#[test]
fn a_full_memory_keeps_no_process_from_all_but_submits() {
    go_on_without_memory(|_| {});
}

/// As after an update: the server lacks the library of this version, and the memory for it.
#[test]
fn a_full_memory_that_has_no_library_neither() {
    go_on_without_memory(|server| {
        assert!(server.command(&["SCRIPT", "FLUSH"]).starts_with("+OK"));
        assert!(is_old(server) || server.command(&["FUNCTION", "FLUSH"]).starts_with("+OK"));
    });
}

#[test]
fn a_submit_to_a_full_memory_is_unavailable_in_the_server_s_words_and_repeated() {
    let server = RedisServer::start();
    set_full(&server, true);
    let error = block_on(open_impatient(&server).submit(vec![task().into()])).expect_err("it is full");
    assert!(error.is_retryable() && error.to_string().contains("OOM"), "{error}");
    let submitter = open(&server);
    let submitting = {
        let submitter = submitter.clone();
        thread::spawn(move || block_on(submitter.submit_one(task())))
    };
    let refused = || submitter.health().last_error.is_some_and(|error| error.contains("OOM"));
    until("it is refused", refused);
    set_full(&server, false);
    let id = submitting.join().expect("no panic").expect("accepted").task_id();
    assert_eq!(block_on(submitter.details_of(id)).expect("a record").status, TaskStatus::Pending);
}

/// A server that can't write its file, and so takes no writes, until the folder in its place is gone.
#[test]
fn a_full_disk_is_unavailable_in_the_server_s_words_and_waited_for() {
    let server = RedisServer::with(&["--save", "86400 1", "--appendonly", "no"]);
    let runner = open(&server);
    let consumer = attach(&runner);
    let ended = submit(&runner);
    let claimed = claim(&consumer);
    complete(&consumer, claimed.claim);
    let id = submit(&runner);
    let outcome = runner.outcome(id);
    let claimed = claim(&consumer);
    let file = server.directory().join("dump.rdb");
    fs::create_dir_all(file.join("in the way")).expect("a folder");
    let saved = |status: &str| {
        let _ = server.command(&["BGSAVE"]);
        server.command(&["INFO", "persistence"]).contains(&format!("rdb_last_bgsave_status:{status}"))
    };
    until("it can't be written", || saved("err"));
    let error = block_on(open_impatient(&server).submit(vec![task().into()])).expect_err("it is full");
    assert!(error.is_retryable() && error.to_string().contains("MISCONF"), "{error}");
    // What has ended before is known all the same, also to a process that has had no message of it.
    let details = block_on(open(&server).outcome(ended)).expect("an outcome");
    assert_eq!((details.task_id, details.status), (ended, TaskStatus::Completed));
    let finishing = thread::spawn(move || complete(&consumer, claimed.claim));
    let refused = || runner.health().last_error.is_some_and(|error| error.contains("MISCONF"));
    until("the end is refused", refused);
    fs::remove_dir_all(file).expect("it was there");
    until("it can be written", || saved("ok"));
    finishing.join().expect("it is written then");
    assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
}

#[test]
fn a_process_loads_nothing_that_the_server_has() {
    let server = RedisServer::start();
    let load = if is_old(&server) { "script|load" } else { "function|load" };
    let load = if server.command(&["INFO", "server"]).contains("redis_version:6") { "script" } else { load };
    let first = open(&server);
    submit(&first);
    // A server without functions gets all scripts, as long as the connection lives.
    let least = if is_old(&server) { 21 } else { 1 };
    until("the first one does", || calls(&server, load) >= least);
    let loaded = calls(&server, load);
    for _ in 0..5 {
        submit(&open(&server));
    }
    assert_eq!(calls(&server, load), loaded);
}

#[test]
fn a_library_that_is_deleted_is_loaded_again() {
    let server = RedisServer::start();
    if is_old(&server) {
        return; // it has none
    }
    let transport = open(&server);
    submit(&transport);
    let _ = server.command(&["FUNCTION", "FLUSH"]);
    submit(&transport);
    assert_eq!(calls(&server, "function|load"), 2);
}

/// A worker that starts tidies up after versions that are gone, and leaves what is not its own or in use.
#[test]
fn libraries_of_other_versions_are_deleted_unless_they_are_in_use() {
    let server = RedisServer::start();
    if is_old(&server) {
        return; // it has none
    }
    let load = |name: &str| {
        let code = format!("#!lua name={name}\nredis.register_function('f_{name}', function() return 1 end)");
        assert!(!server.command(&["FUNCTION", "LOAD", &code]).starts_with('-'), "{name}");
    };
    let (gone, used) = ("rhai_0123456789abcdef", "rhai_fedcba9876543210");
    for name in [gone, used, "rhai_helpers", "another"] {
        load(name);
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("later").as_millis();
    let _ = server.command(&["ZADD", "rhailib:libraries", &now.to_string(), used]);
    let runner = open(&server);
    let _consumer = attach(&runner);
    let list = || server.command(&["FUNCTION", "LIST"]);
    until("it is deleted", || !list().contains(gone));
    submit(&runner);
    for name in [used, "rhai_helpers", "another"] {
        assert!(list().contains(name), "{name}");
    }
    // It has noted its own, for others that come.
    assert!(server.command(&["ZCARD", "rhailib:libraries"]).starts_with(":2"));
}

#[test]
fn a_worker_is_listed_again_after_everything_was_deleted() {
    let server = RedisServer::start();
    let runner = open(&server);
    let consumer = attach(&runner);
    let _ = server.command(&["FLUSHALL"]);
    block_on(consumer.renew()).expect("renewed");
    let queues = block_on(runner.queues()).expect("queues");
    assert_eq!(queues.iter().map(|queue| queue.instances).collect::<Vec<_>>(), [1]);
    let instances = block_on(runner.instances(None)).expect("instances");
    assert_eq!(instances.iter().map(|info| info.instance).collect::<Vec<_>>(), [consumer.instance()]);
}
