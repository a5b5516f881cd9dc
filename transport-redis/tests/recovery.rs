//! What happens when the server, or the connection to it, goes away.

mod support;

use std::fs::{self, File};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rhai_dispatcher_core::{OutcomeError, TaskStatus, Transport, TransportError, TransportExt};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, complete, config, open, open_mortal, submit, task, until};

const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always", "--save", ""];

/// The file to which a server appends all that it writes.
fn written(server: &RedisServer) -> File {
    let folder = server.directory().join("appendonlydir");
    let path = if folder.exists() {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
        entries.into_iter().find(|path| path.to_string_lossy().ends_with(".incr.aof")).expect("its file")
    } else {
        server.directory().join("appendonly.aof") // before Redis 7
    };
    File::options().write(true).open(path).expect("its file")
}

#[test]
fn an_unreachable_server_is_unavailable_after_the_call_timeout() {
    let server = RedisServer::start();
    let config = config(&server).with_call_timeout(Duration::from_millis(300));
    let server_port = server.port();
    drop(server);
    let transport = RedisTransport::new(config).expect("a valid config");
    let start = Instant::now();
    let error = block_on(transport.submit(vec![task().into()])).expect_err("no server runs");
    assert!(error.is_retryable(), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(300));
    let (text, address) = (error.to_string(), format!("127.0.0.1:{}", server_port));
    assert!(text.ends_with(&format!("{address}: connection refused")), "{text}");
    assert!(!transport.health().connected);
    assert!(transport.health().last_error.is_some());
}

#[test]
fn a_wait_that_begins_without_the_server_fails_and_one_that_has_begun_goes_on() {
    let mut server = RedisServer::with(DURABLE);
    let (submitter, waiter) = (open(&server), open(&server));
    let late = RedisTransport::new(config(&server).with_call_timeout(Duration::from_millis(300)));
    let late = late.expect("a valid config");
    let id = submit(&submitter);
    let (own, other) = (submitter.outcome(id), waiter.outcome(id));
    let waiters = format!("{{rhailib:{id}}}:waiters");
    until("the record knows its waiters", || server.command(&["SCARD", &waiters]).starts_with(":1"));
    server.kill();
    let error = block_on(late.outcome(id)).expect_err("no server knows it");
    assert!(matches!(&error, OutcomeError::Transport(error) if error.is_retryable()), "{error:?}");
    server.restart();
    let runner = open(&server);
    let consumer = attach(&runner);
    let claimed = claim(&consumer);
    complete(&consumer, claimed.claim);
    for outcome in [own, other] {
        assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    }
}

#[test]
fn a_wrong_password_or_database_is_refused_at_once() {
    let server = RedisServer::with(&["--requirepass", "right", "--save", ""]);
    let port = server.port();
    for url in [
        format!("redis://127.0.0.1:{port}/"),
        format!("redis://:wrong@127.0.0.1:{port}/"),
        format!("redis://:right@127.0.0.1:{port}/99"),
    ] {
        let transport = RedisTransport::new(RedisConfig::new(&url)).expect("a valid config");
        let start = Instant::now();
        let error = block_on(transport.connect()).expect_err(&url);
        assert!(matches!(error, TransportError::Refused(_)), "{url}: {error:?}");
        assert!(start.elapsed() < Duration::from_secs(3), "{url}: it took {:?}", start.elapsed());
    }
    let transport = RedisTransport::new(RedisConfig::new(format!("redis://:right@127.0.0.1:{port}/2")));
    block_on(transport.expect("a valid config").connect()).expect("the right password");
}

#[test]
fn waiters_survive_a_restart_and_find_what_ended_meanwhile() {
    let mut server = RedisServer::with(DURABLE);
    let (submitter, runner) = (open(&server), open(&server));
    let consumer = attach(&runner);
    let (first, second) = (submit(&submitter), submit(&submitter));
    let (first_outcome, second_outcome) = (submitter.outcome(first), submitter.outcome(second));
    let claims = [claim(&consumer), claim(&consumer)];
    server.restart();
    // The one is told, of the other the message is taken away: both have to be known.
    assert_eq!(complete(&consumer, claims[0].claim), rhai_dispatcher_core::Finished::Written);
    complete(&consumer, claims[1].claim);
    assert_eq!(block_on(first_outcome).expect("an outcome").status, TaskStatus::Completed);
    assert_eq!(block_on(second_outcome).expect("an outcome").status, TaskStatus::Completed);
    until("reconnected", || submitter.health().connected);
    assert!(submitter.health().reconnects >= 1);
}

#[test]
fn a_lost_message_is_made_good_by_a_look() {
    let server = RedisServer::start();
    let submitter = RedisTransport::new(config(&server).with_recheck_interval(Duration::from_millis(300)));
    let submitter = submitter.expect("a valid config");
    let runner = open(&server);
    let consumer = attach(&runner);
    let lost_message = || {
        let id = submit(&submitter);
        let outcome = submitter.outcome(id);
        let claimed = claim(&consumer);
        // A write by another program wakes no waiter.
        let key = format!("rhailib:{id}");
        let _ = server.command(&["HDEL", &key, "reply_to"]);
        complete(&consumer, claimed.claim);
        assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    };
    lost_message();
    // So long that a look finds nothing to look at: the next one is due all the same.
    std::thread::sleep(Duration::from_millis(700));
    lost_message();
}

#[test]
fn what_a_server_has_lost_is_said_to_be_lost() {
    let mut server = RedisServer::start();
    let submitter = open(&server);
    let id = submit(&submitter);
    let outcome = submitter.outcome(id);
    server.restart();
    let error = block_on(outcome).expect_err("it is gone");
    assert!(matches!(error, OutcomeError::Lost(lost) if lost == id), "{error:?}");
    // A task that is submitted after the restart runs.
    let runner = open(&server);
    let consumer = attach(&runner);
    let id = submit(&submitter);
    let claimed = claim(&consumer);
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(submitter.outcome(id)).expect("an outcome").status, TaskStatus::Completed);
}

#[test]
fn an_instance_goes_on_after_the_store_has_lost_everything() {
    let mut server = RedisServer::start();
    let (submitter, runner) = (open(&server), open(&server));
    let consumer = attach(&runner);
    submit(&submitter);
    let lost = claim(&consumer).claim;
    server.restart();
    until("a renewal", || block_on(consumer.renew()).is_ok_and(|claims| claims == [lost]));
    let id = submit(&submitter);
    assert_eq!(claim(&consumer).claim.task, id);
}

#[test]
fn a_claim_whose_end_the_server_has_lost_is_run_again() {
    let mut server = RedisServer::with(DURABLE);
    let (submitter, runner) = (open(&server), open(&server));
    let consumer = attach(&runner);
    let id = submit(&submitter);
    let claimed = claim(&consumer);
    let file = written(&server);
    let size = file.metadata().expect("a file").len();
    complete(&consumer, claimed.claim);
    server.kill();
    // As a machine that fails does with what was not on its disk yet.
    file.set_len(size).expect("the file is cut off");
    server.restart();
    // To its instance, which lives, it was over.
    let again = claim(&consumer).claim;
    assert_eq!(again, claimed.claim);
    complete(&consumer, again);
    assert_eq!(block_on(submitter.details_of(id)).expect("a record").status, TaskStatus::Completed);
}

#[test]
fn connections_that_are_cut_lose_no_task() {
    let server = RedisServer::start();
    let (submitter, runner) = (open(&server), open(&server));
    let consumer = attach(&runner);
    for _ in 0..20 {
        let id = submit(&submitter);
        let outcome = submitter.outcome(id);
        let _ = server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        let claimed = claim(&consumer);
        assert_eq!((claimed.claim.task, claimed.claim.delivery), (id, 1));
        let _ = server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        complete(&consumer, claimed.claim);
        assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    }
}

#[test]
fn no_instance_is_dead_because_the_server_was_away() {
    let mut server = RedisServer::with(DURABLE);
    // A caller that waits for a task reads the queue too, and its own lease does not count.
    let (submitter, runner, other) = (open(&server), open_mortal(&server), open_mortal(&server));
    let (consumer, rival) = (attach(&runner), attach(&other));
    let id = submit(&submitter);
    let claimed = claim(&consumer);
    server.kill();
    std::thread::sleep(Duration::from_millis(1_500)); // several leases
    server.restart();
    // The rival looks first, and again and again.
    until("the server is back", || block_on(rival.renew()).is_ok());
    assert_eq!(block_on(consumer.renew()).expect("a renewal"), []);
    complete(&consumer, claimed.claim);
    let details = block_on(submitter.details_of(id)).expect("a record");
    assert_eq!((details.status, details.deaths), (TaskStatus::Completed, 0));
}

#[test]
fn a_transport_outlives_the_runtime_that_it_was_made_in() {
    let server = RedisServer::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let transport = runtime.expect("a runtime").block_on(async {
        let transport = open(&server);
        transport.submit_one(task()).await.expect("accepted");
        transport
    });
    let consumer =
        smol::block_on(transport.attach(rhai_dispatcher_core::InstanceSpec::new(support::worker())));
    let consumer = consumer.expect("an instance");
    let id = submit(&transport);
    let outcome = transport.outcome(id);
    for _ in 0..2 {
        let claimed = claim(&consumer);
        complete(&consumer, claimed.claim);
    }
    assert_eq!(smol::block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
}
