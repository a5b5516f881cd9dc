//! Users that have only the rights of docs/operations.md.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use rhai_dispatcher_core::{
    ActivityRange, CancelReason, Cancelled, InstanceReport, LogLevel, LogLine, RunEvent, TaskEvent,
    TaskStatus, Transport, TransportConfig, TransportError,
};
use rhai_dispatcher_redis::{Durability, RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, complete, ended, submit, worker};

/// The commands of the document that make users, without those of the list bridge.
fn commands() -> Vec<Vec<&'static str>> {
    let lines = include_str!("../../docs/operations.md").lines().map(str::trim);
    let commands = lines.filter(|line| line.starts_with("ACL SETUSER ") && !line.contains("+blmove"));
    commands.map(|line| line.split(' ').collect()).collect()
}

/// A server on which the users of the document are, and its default user has no rights.
fn server() -> RedisServer {
    let server = RedisServer::start();
    let is_old = server.command(&["INFO", "server"]).contains("redis_version:6");
    for mut command in commands() {
        // Functions came with Redis 7.
        command.retain(|word| !(is_old && (word.contains("function") || word.contains("fcall"))));
        let answer = server.command(&command);
        assert!(answer.starts_with("+OK"), "{command:?}: {answer}");
    }
    server
}

fn open(server: &RedisServer, user: &str, durability: Durability) -> RedisTransport {
    let transport = TransportConfig::default().with_lease(Duration::from_secs(600));
    let url = server.url().replace("redis://", &format!("redis://{user}:SECRET@"));
    let config = RedisConfig::new(url).with_call_timeout(Duration::from_secs(20)).with_transport(transport);
    RedisTransport::new(config.with_durability(durability)).expect("a valid config")
}

/// Everything that a dispatcher and a worker do.
fn round(dispatcher: &RedisTransport, runner: &RedisTransport) {
    let consumer = attach(runner);
    let mut report = InstanceReport::default();
    report.sequence = 1;
    block_on(consumer.report(&report)).expect("a report");
    let mut watch = block_on(dispatcher.watch_activity(&worker())).expect("a watch");
    let id = submit(dispatcher);
    let mut events = dispatcher.events(id);
    let outcome = dispatcher.outcome(id);
    let mut signals = consumer.signals();
    let claimed = claim(&consumer);
    let line = LogLine { level: LogLevel::Print, text: "here".into() };
    consumer.publish(&claimed.claim, RunEvent::Line { number: 0, line });
    let told = std::iter::from_fn(|| block_on(events.next()));
    assert!(
        told.into_iter().any(|event| matches!(event, Ok(TaskEvent::Line { .. }))),
        "the line comes before the outcome"
    );
    assert_eq!(block_on(consumer.renew()).expect("renewed"), []);
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    consumer.record_activity(vec![ended(runner, &claimed)]);
    block_on(watch.next()).expect("news of it");
    let read = block_on(dispatcher.activity(&worker(), ActivityRange::latest(10))).expect("activity");
    assert!(!read.entries.is_empty());
    let cancelled = |id| block_on(dispatcher.cancel(&[id], CancelReason::Asked)).expect("an answer");
    let waiting = submit(dispatcher);
    assert_eq!(cancelled(waiting), [Cancelled::Removed]);
    let running = submit(dispatcher);
    let claimed = claim(&consumer);
    assert_eq!(claimed.claim.task, running);
    let mut state = dispatcher.inspect(running);
    assert!((&mut state).now_or_never().is_none(), "the instance has not answered");
    assert_eq!(cancelled(running), [Cancelled::Requested]);
    block_on(signals.next()).expect("a question or a cancel");
    block_on(signals.next()).expect("a question or a cancel");
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(dispatcher.queues()).expect("queues").len(), 1);
    block_on(dispatcher.instances(None)).expect("instances");
    block_on(dispatcher.figures(&worker())).expect("figures");
    block_on(dispatcher.summaries(&[id])).expect("a summary");
    block_on(dispatcher.active_worker_ids()).expect("worker ids");
    block_on(dispatcher.set_paused(&worker(), true)).expect("paused");
    block_on(dispatcher.set_paused(&worker(), false)).expect("continued");
    block_on(consumer.detach()).expect("detached");
}

/// What the server has refused.
fn refusals(server: &RedisServer) -> String {
    server.command(&["ACL", "LOG"])
}

#[test]
fn a_dispatcher_and_a_worker_need_no_more_than_is_documented() {
    let server = server();
    for durability in
        [Durability::Server, Durability::Replicas { replicas: 0, timeout: Duration::from_secs(1) }]
    {
        round(&open(&server, "dispatcher", durability), &open(&server, "worker", durability));
    }
    assert_eq!(refusals(&server), "*0\r\n");
}

#[test]
fn scripts_do_where_functions_are_not_allowed() {
    let server = server();
    for user in ["dispatcher", "worker"] {
        // An older server has none of them.
        let _ = server.command(&["ACL", "SETUSER", user, "-fcall", "-function"]);
    }
    round(&open(&server, "dispatcher", Durability::Server), &open(&server, "worker", Durability::Server));
    let stats = server.command(&["INFO", "commandstats"]);
    assert!(stats.contains("cmdstat_evalsha"), "{stats}");
}

#[test]
fn every_command_of_the_scripts_is_documented() {
    let mut used = BTreeSet::new();
    collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lua")), &mut used);
    assert!(used.len() > 40, "{used:?}");
    for user in ["dispatcher", "worker"] {
        let of_user = commands().into_iter().filter(|words| words[2] == user).flatten();
        let granted: BTreeSet<_> = of_user.filter_map(|word| word.strip_prefix('+')).collect();
        let missing: Vec<_> = used.iter().filter(|command| !granted.contains(command.as_str())).collect();
        assert!(missing.is_empty(), "{user} lacks {missing:?}");
    }
}

/// The commands that the scripts in a folder call.
fn collect(folder: &Path, used: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, used);
            continue;
        }
        let source = fs::read_to_string(&path).expect("a script");
        for call in ["call('", "call_('"] {
            let calls = source.match_indices(call).map(|(at, _)| &source[at + call.len()..]);
            used.extend(calls.filter_map(|rest| rest.split('\'').next()).map(str::to_lowercase));
        }
    }
}

/// What an error says of a user that lacks a right.
fn refused(answer: Result<(), TransportError>) -> String {
    match answer {
        Err(error @ TransportError::Refused(_)) => error.to_string(),
        other => panic!("it is not refused: {other:?}"),
    }
}

#[test]
fn a_user_that_lacks_a_right_is_told_which() {
    let server = server();
    let dispatcher = || open(&server, "dispatcher", Durability::Server);
    let submitted = || block_on(dispatcher().submit(vec![support::task().into()])).map(drop);
    for right in ["info", "hset"] {
        let _ = server.command(&["ACL", "SETUSER", "dispatcher", &format!("-{right}")]);
        let told = refused(submitted());
        let names_it = told.contains(&format!("'{right}'"));
        // A server before 7.2 does not tell a script which command it was, but its log does.
        let log = server.command(&["ACL", "LOG", "1"]);
        assert!(names_it || (told.contains("ACL LOG") && log.contains(right)), "{told}");
        let _ = server.command(&["ACL", "SETUSER", "dispatcher", &format!("+{right}")]);
        submitted().expect("it may again");
    }
    let _ = server.command(&["ACL", "SETUSER", "dispatcher", "resetkeys", "~other:*"]);
    let told = refused(submitted());
    assert!(told.contains("key"), "{told}");
    for (change, named) in [("resetchannels", "channel"), ("-publish", "publish")] {
        let worker = || open(&server, "worker", Durability::Server);
        block_on(worker().connect()).expect("it may publish");
        let _ = server.command(&["ACL", "SETUSER", "worker", change]);
        let told = refused(block_on(worker().connect()));
        assert!(told.contains("NOPERM") && told.contains(named), "{told}");
        let _ = server.command(&["ACL", "SETUSER", "worker", "&rhailib:inbox:*", "&{rhailib:*", "+publish"]);
    }
    let wrong = server.url().replace("redis://", "redis://dispatcher:WRONG@");
    let transport = RedisTransport::new(RedisConfig::new(wrong)).expect("a valid config");
    assert!(refused(block_on(transport.connect())).contains("WRONGPASS"));
}
