//! Networks that fail without closing a socket, and an address behind which the server changes.

mod support;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::StreamExt;
use futures::executor::block_on;
use rhai_dispatcher_core::{
    Consumer, Finished, RunActivity, RunState, Signal, TaskStatus, Transport, TransportConfig, TransportExt,
};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::{Direction, FaultyProxy, RedisServer};
use support::{attach, claim, complete, config, open, submit, task, until};

/// A lease within which a busy machine renews.
const LEASE: Duration = Duration::from_secs(6);

/// A handle behind a proxy.
fn config_via(proxy: &FaultyProxy) -> RedisConfig {
    let transport = TransportConfig::default().with_lease(LEASE);
    let config = RedisConfig::new(proxy.url()).with_transport(transport);
    // What is found out is found out by the connections, and not by a look.
    config.with_recheck_interval(Duration::from_secs(600))
}

fn open_via(proxy: &FaultyProxy) -> RedisTransport {
    RedisTransport::new(config_via(proxy)).expect("a valid config")
}

/// An instance that takes over whatever it may.
fn rival(server: &RedisServer) -> (RedisTransport, Arc<dyn Consumer>) {
    let config = config(server).with_transport(TransportConfig::default().with_lease(LEASE));
    let transport = RedisTransport::new(config).expect("a valid config");
    let consumer = attach(&transport);
    (transport, consumer)
}

/// A question is lost if its answer is published before the inbox is subscribed.
#[test]
fn a_question_waits_for_a_slow_inbox() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let transport = open(&server);
    let consumer = attach(&transport);
    let id = submit(&transport);
    let claimed = claim(&consumer).claim;
    let mut signals = consumer.signals();
    let asker = open_via(&proxy);
    block_on(asker.connect()).expect("connected");
    proxy.set_latency_of_new(Duration::from_millis(300)); // that of the inbox
    let asked = thread::spawn(move || block_on(asker.inspect(id)));
    let inquiry = loop {
        if let Signal::Inspect(inquiry) = block_on(signals.next()).expect("a signal") {
            break inquiry;
        }
    };
    let state = RunState::new(&claimed, RunActivity::Computing);
    consumer.answer(&inquiry, Some(state.clone()));
    assert_eq!(inquiry.claim, claimed);
    assert_eq!(asked.join().expect("no panic").expect("an answer"), state);
}

#[test]
fn a_wait_misses_no_outcome_before_its_inbox_is_there() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let transport = open(&server);
    let consumer = attach(&transport);
    let id = submit(&transport);
    let claimed = claim(&consumer).claim;
    let waiter = open_via(&proxy);
    block_on(waiter.connect()).expect("connected");
    proxy.set_latency_of_new(Duration::from_millis(300)); // that of the inbox
    let waited = thread::spawn(move || block_on(waiter.outcome(id)));
    let mut redis = support::client(&server);
    until("the wait is known", || {
        redis::Commands::hexists(&mut redis, format!("rhailib:{id}"), "watched").expect("an answer")
    });
    complete(&consumer, claimed);
    assert_eq!(waited.join().expect("no panic").expect("an outcome").status, TaskStatus::Completed);
}

#[test]
fn a_lease_is_renewed_in_time_though_all_sockets_are_dead() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    // A call would wait for half a minute until it takes its connection for dead.
    let runner = RedisTransport::new(config_via(&proxy).with_call_timeout(Duration::from_secs(60)));
    let runner = runner.expect("a valid config");
    let consumer = attach(&runner);
    let (submitter, rival) = rival(&server);
    let id = submit(&submitter);
    let claimed = claim(&consumer);
    for _ in 0..2 {
        proxy.half_open();
        assert_eq!(block_on(consumer.renew()).expect("renewed"), []);
        assert_eq!(block_on(rival.renew()).expect("renewed"), []);
    }
    // What it renewed with is new, and so is what it ends the task with.
    assert_eq!(complete(&consumer, claimed.claim), Finished::Written);
    let details = block_on(submitter.details_of(id)).expect("a record");
    assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Completed, 1, 0));
}

#[test]
fn a_dead_connection_is_replaced_though_its_last_answer_was_slow() {
    let call_timeout = Duration::from_secs(4);
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let runner = RedisTransport::new(config_via(&proxy).with_call_timeout(call_timeout));
    let runner = runner.expect("a valid config");
    let consumer = attach(&runner);
    block_on(consumer.renew()).expect("renewed");
    // Twice as long as this answer takes is longer than any renewal waits.
    proxy.black_hole(Direction::ToClient);
    let renewing = Arc::clone(&consumer);
    let renewal = thread::spawn(move || block_on(renewing.renew()));
    thread::sleep(call_timeout * 5 / 8); // the fault itself lasts
    proxy.heal();
    renewal.join().expect("no panic").expect("renewed");
    // Nothing but renewals uses a connection from here on, so that only they can find out.
    proxy.half_open();
    let renewed = (0..2).find_map(|_| block_on(consumer.renew()).ok());
    assert_eq!(renewed, Some(vec![]), "the second renewal is sent on another connection");
}

#[test]
fn a_renewal_waits_for_no_claim() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let runner = RedisTransport::new(config_via(&proxy).with_call_timeout(Duration::from_secs(60)));
    let runner = runner.expect("a valid config");
    block_on(runner.connect()).expect("connected");
    // Only what calls use is dead: the rest connects after this.
    proxy.half_open();
    let consumer = attach(&runner);
    let mut claiming = consumer.claim(std::num::NonZeroUsize::MIN);
    assert!((&mut claiming).now_or_never().is_none(), "nothing is there");
    for _ in 0..3 {
        assert_eq!(block_on(consumer.renew()).expect("renewed"), []);
    }
    assert!(claiming.now_or_never().is_none(), "the claim still waits");
}

#[test]
fn a_call_is_repeated_when_its_socket_is_dead() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let submitter = open_via(&proxy);
    for _ in 0..2 {
        let id = submit(&submitter);
        proxy.half_open();
        assert_eq!(block_on(submitter.details_of(id)).expect("a record").status, TaskStatus::Pending);
    }
    assert!(submitter.health().reconnects >= 2);
}

#[test]
fn an_outcome_arrives_though_the_socket_of_the_inbox_is_dead() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let call_timeout = Duration::from_secs(12);
    let submitter = RedisTransport::new(config_via(&proxy).with_call_timeout(call_timeout));
    let submitter = submitter.expect("a valid config");
    let id = submit(&submitter);
    let outcome = submitter.outcome(id);
    until("the inbox is read", || server.command(&["CLIENT", "LIST"]).contains(" sub=1 "));
    proxy.half_open();
    let runner = open(&server);
    let consumer = attach(&runner);
    let claimed = claim(&consumer);
    let start = Instant::now();
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    // The read may block for 2 s, and its answer is overdue after half of the call timeout.
    assert!(start.elapsed() < call_timeout, "it took {:?}", start.elapsed());
}

#[test]
fn a_task_is_given_though_the_socket_of_the_claims_is_dead() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let runner = RedisTransport::new(config_via(&proxy).with_call_timeout(Duration::from_secs(60)));
    let runner = runner.expect("a valid config");
    let consumer = attach(&runner);
    let mut claiming = consumer.claim(std::num::NonZeroUsize::MIN);
    assert!((&mut claiming).now_or_never().is_none(), "nothing is there");
    until("it waits", || server.command(&["CLIENT", "LIST"]).contains("cmd=blpop"));
    proxy.half_open();
    let submitter = open(&server);
    let id = submit(&submitter); // into the dead socket
    // The renewal finds out for all.
    assert_eq!(block_on(consumer.renew()).expect("renewed"), []);
    let claimed = block_on(claiming).expect("a claim").remove(0);
    assert_eq!((claimed.claim.task, claimed.claim.delivery, claimed.deaths), (id, 1, 0));
    complete(&consumer, claimed.claim);
}

#[test]
fn a_black_hole_in_one_direction_costs_nothing_but_time() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let server = RedisServer::start();
        let proxy = FaultyProxy::start(server.port());
        let runner = open_via(&proxy);
        let consumer = attach(&runner);
        let id = submit(&runner);
        let outcome = runner.outcome(id);
        let claimed = claim(&consumer);
        proxy.black_hole(direction);
        let renewing = Arc::clone(&consumer);
        let renewal = thread::spawn(move || block_on(renewing.renew()));
        thread::sleep(LEASE / 2); // the fault itself lasts
        proxy.heal();
        assert_eq!(renewal.join().expect("no panic").expect("renewed"), []);
        complete(&consumer, claimed.claim);
        let details = block_on(outcome).expect("an outcome");
        assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Completed, 1, 0));
    }
}

/// Tasks that were delivered into a black hole arrive when it is over, and run elsewhere by then.
#[test]
fn a_claim_that_arrives_after_its_lease_is_not_begun() {
    let lease = Duration::from_secs(1);
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let short = |config: RedisConfig| {
        let config = config.with_transport(TransportConfig::default().with_lease(lease));
        RedisTransport::new(config.with_call_timeout(Duration::from_secs(30))).expect("a valid config")
    };
    let runner = short(config_via(&proxy));
    let consumer = attach(&runner);
    let mut claiming = consumer.claim(std::num::NonZeroUsize::MIN);
    assert!((&mut claiming).now_or_never().is_none(), "nothing is there");
    until("it waits", || server.command(&["CLIENT", "LIST"]).contains("cmd=blpop"));
    assert_eq!(block_on(consumer.renew()).expect("renewed"), []);
    proxy.black_hole(Direction::ToClient);
    let submitter = open(&server);
    let id = submit(&submitter); // into the hole
    let other = short(config(&server));
    let rival = attach(&other);
    let mut taken = rival.claim(std::num::NonZeroUsize::MIN);
    let claimed = loop {
        assert_eq!(block_on(rival.renew()).expect("renewed"), []);
        if let Some(claimed) = (&mut taken).now_or_never() {
            break claimed.expect("a claim").remove(0);
        }
        thread::sleep(lease / 10);
    };
    assert_eq!(claimed.claim.task, id);
    proxy.heal();
    block_on(consumer.renew()).expect("renewed");
    complete(&rival, claimed.claim);
    // It gets what comes now, and never got the other.
    let next = submit(&submitter);
    let claimed = loop {
        block_on(consumer.renew()).expect("renewed");
        if let Some(claimed) = (&mut claiming).now_or_never() {
            break claimed.expect("a claim").remove(0);
        }
        thread::sleep(lease / 10);
    };
    assert_eq!(claimed.claim.task, next);
}

#[test]
fn a_slow_network_is_not_taken_for_a_dead_one() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let runner = open_via(&proxy);
    let consumer = attach(&runner);
    let (submitter, rival) = rival(&server);
    let id = submit(&submitter);
    let claimed = claim(&consumer);
    // There and back it takes longer than a third of the lease, and a new connection several times as long.
    proxy.set_latency(LEASE / 5);
    for _ in 0..4 {
        assert_eq!(block_on(consumer.renew()).expect("renewed"), []);
        assert_eq!(block_on(rival.renew()).expect("renewed"), []);
    }
    assert_eq!(complete(&consumer, claimed.claim), Finished::Written);
    assert_eq!(runner.health().reconnects, 0);
    let details = block_on(submitter.details_of(id)).expect("a record");
    assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Completed, 1, 0));
}

/// A server, its replica that follows it, and the address behind which they are.
fn replicated() -> (RedisServer, RedisServer, FaultyProxy) {
    let (primary, replica) = (RedisServer::start(), RedisServer::start());
    let _ = replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    until("the replica follows", || replica.command(&["INFO", "replication"]).contains("link_status:up"));
    let proxy = FaultyProxy::start(primary.port());
    (primary, replica, proxy)
}

/// Uses a worker and a dispatcher, both idle, after their server has become a replica and kept their sockets.
fn fail_over(swap: impl Fn(&RedisServer, &RedisServer)) {
    let (old, new, proxy) = replicated();
    let (submitter, runner) = (open_via(&proxy), open_via(&proxy));
    let consumer = attach(&runner);
    let running = submit(&submitter);
    let running_outcome = submitter.outcome(running);
    let claimed = claim(&consumer);
    until("the replica has it all", || offset(&old, "master") == offset(&new, "slave"));
    swap(&old, &new);
    proxy.set_target(new.port());
    // The worker's task ends where its record is now, and is not run again.
    assert_eq!(complete(&consumer, claimed.claim), Finished::Written);
    let details = block_on(running_outcome).expect("an outcome");
    assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Completed, 1, 0));
    assert_eq!(block_on(consumer.renew()).expect("renewed"), []);
    // And the dispatcher, which waited, submits.
    let id = submit(&submitter);
    let outcome = submitter.outcome(id);
    let claimed = claim(&consumer);
    assert_eq!(claimed.claim.task, id);
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    assert!(new.command(&["INFO", "commandstats"]).contains("cmdstat_fcall") || is_old(&new));
}

/// How far a server is in what was replicated.
fn offset(server: &RedisServer, role: &str) -> Option<String> {
    let info = server.command(&["INFO", "replication"]);
    let field = format!("{role}_repl_offset:");
    info.lines().find_map(|line| line.strip_prefix(&field).map(str::to_owned))
}

/// Redis has functions from 7 on.
fn is_old(server: &RedisServer) -> bool {
    server.command(&["INFO", "server"]).contains("redis_version:6")
}

#[test]
fn a_failover_behind_an_address_is_followed() {
    fail_over(|old, new| {
        let _ = new.command(&["REPLICAOF", "NO", "ONE"]);
        let _ = old.command(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    });
}

#[test]
fn a_failover_of_the_servers_own_is_followed() {
    fail_over(|old, new| {
        until("the replica is online", || old.command(&["INFO", "replication"]).contains("state=online"));
        let _ = old.command(&["FAILOVER"]);
        until("the replica is the primary", || new.command(&["ROLE"]).contains("master"));
        until("the primary is a replica", || old.command(&["ROLE"]).contains("slave"));
    });
}

/// A client of scripts is refused task by task: its connection is left all the same.
#[test]
fn a_server_that_refuses_each_task_as_a_replica_is_left() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    for server in [&server, &other] {
        let _ = server.command(&["ACL", "SETUSER", "default", "-function"]);
    }
    let proxy = FaultyProxy::start(server.port());
    let config = config_via(&proxy).with_call_timeout(Duration::from_secs(20));
    let transport = RedisTransport::new(config).expect("a valid config");
    let mut quiet = task();
    quiet.awaited = false;
    block_on(transport.submit_one(quiet)).expect("accepted");
    proxy.set_target(other.port());
    let _ = server.command(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    until("it is a replica", || server.command(&["INFO", "replication"]).contains("role:slave"));
    let mut next = task();
    next.awaited = false;
    let id = block_on(transport.submit_one(next)).expect("the new master takes it").task_id();
    assert!(other.command(&["HGET", &format!("rhailib:{id}"), "status"]).contains("pending"));
}

#[test]
fn a_demoted_server_is_not_taken_for_one_without_functions() {
    let server = RedisServer::start();
    if is_old(&server) {
        return; // it has none
    }
    let transport = RedisTransport::new(config(&server).with_call_timeout(Duration::from_secs(1)));
    let transport = transport.expect("a valid config");
    block_on(transport.connect()).expect("connected");
    let _ = server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = block_on(transport.submit(vec![task().into()])).expect_err("it is a replica");
    assert!(error.is_retryable() && error.to_string().contains("READONLY"), "{error:?}");
    let _ = server.command(&["REPLICAOF", "NO", "ONE"]);
    submit(&transport);
    let statistics = server.command(&["INFO", "commandstats"]);
    assert!(statistics.contains("cmdstat_fcall") && !statistics.contains("cmdstat_evalsha"), "{statistics}");
}
