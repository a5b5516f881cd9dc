//! Writes that count only once replicas, or disks, have them.

mod support;

use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{TaskStatus, Transport, TransportError, TransportExt};
use rhai_dispatcher_redis::{Durability, RedisTransport};
use rhai_dispatcher_test_redis::{Direction, FaultyProxy, RedisServer};
use support::{attach, claim, client, complete, config, submit, task, until};

fn open_with(server: &RedisServer, durability: Durability) -> RedisTransport {
    RedisTransport::new(config(server).with_durability(durability)).expect("a valid config")
}

fn replicated(timeout: Duration) -> Durability {
    Durability::Replicas { replicas: 1, timeout }
}

#[test]
fn what_a_replica_has_counts() {
    let server = RedisServer::start();
    let replica = RedisServer::start();
    let _ = replica.command(&["REPLICAOF", "127.0.0.1", &server.port().to_string()]);
    until("the replica follows", || replica.command(&["INFO", "replication"]).contains("link_status:up"));
    let transport = open_with(&server, replicated(Duration::from_secs(10)));
    let consumer = attach(&transport);
    let id = submit(&transport);
    let key = format!("rhailib:{id}");
    // At once: that is what was asked for.
    assert!(replica.command(&["HGET", &key, "status"]).contains("pending"));
    let claimed = claim(&consumer);
    complete(&consumer, claimed.claim);
    assert!(replica.command(&["HGET", &key, "status"]).contains("completed"));
}

#[test]
fn what_no_replica_confirms_is_unavailable_and_may_be_given_again() {
    let server = RedisServer::start();
    let transport = open_with(&server, replicated(Duration::from_millis(50)));
    let task = task();
    let error = block_on(transport.submit_one(task.clone())).expect_err("no replica confirms it");
    assert!(error.is_retryable() && error.to_string().contains("replicas"), "{error}");
    // The server has it all the same: given again it is the same task.
    let replica = RedisServer::start();
    let _ = replica.command(&["REPLICAOF", "127.0.0.1", &server.port().to_string()]);
    let confirmed = || block_on(transport.submit_one(task.clone())).is_ok();
    until("it is confirmed", confirmed);
    let consumer = attach(&transport);
    let claimed = claim(&consumer);
    assert_eq!(claimed.claim.task, task.id);
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(transport.details_of(task.id)).expect("a record").status, TaskStatus::Completed);
    assert_eq!(block_on(transport.queues()).expect("queues")[0].waiting(), 0, "there was one of it");
}

/// A server, its replica, and the network between them.
fn replicated_pair() -> (RedisServer, RedisServer, FaultyProxy) {
    let args = ["--save", "", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "3600"];
    let (server, replica) = (RedisServer::with(&args), RedisServer::with(&args));
    let between = FaultyProxy::start(server.port());
    let _ = replica.command(&["REPLICAOF", "127.0.0.1", &between.port().to_string()]);
    until("the replica follows", || server.command(&["INFO", "replication"]).contains("state=online"));
    until("it confirms", || server.command(&["WAIT", "1", "100"]).contains('1'));
    (server, replica, between)
}

/// How much the server has written.
fn offset(server: &RedisServer) -> u64 {
    let info = server.command(&["INFO", "replication"]);
    let field = info.split_once("master_repl_offset:").expect("the field").1;
    field.split_whitespace().next().expect("a value").parse().expect("a number")
}

/// From Redis 7.2 on, WAIT is satisfied at once on a connection that has written nothing: a repetition, which finds all
/// written, has to write.
#[test]
fn what_is_given_again_is_written_behind() {
    let (server, _replica, _between) = replicated_pair();
    let transport = open_with(&server, replicated(Duration::from_secs(10)));
    let consumer = attach(&transport);
    let task = task();
    block_on(transport.submit_one(task.clone())).expect("accepted");
    let claimed = claim(&consumer);
    let before = offset(&server);
    block_on(transport.submit_one(task)).expect("accepted before");
    let repeated = offset(&server);
    assert!(repeated > before, "the submit");
    complete(&consumer, claimed.claim);
    let before = offset(&server);
    complete(&consumer, claimed.claim);
    assert!(offset(&server) > before, "the finish");
}

#[test]
fn submit_given_again_on_a_new_connection_is_confirmed_for_itself() {
    let (mut server, replica, between) = replicated_pair();
    let proxy = FaultyProxy::start(server.port());
    let config = rhai_dispatcher_redis::RedisConfig::new(proxy.url())
        .with_call_timeout(Duration::from_secs(20))
        .with_durability(replicated(Duration::from_secs(3)));
    let transport = RedisTransport::new(config).expect("a valid config");
    block_on(transport.submit_one(task())).expect("the replica confirms it");
    between.black_hole(Direction::ToClient);
    let task = task();
    block_on(transport.submit_one(task.clone())).expect_err("the replica is stopped");
    proxy.cut();
    let again = block_on(transport.submit_one(task.clone()));
    server.kill();
    let _ = replica.command(&["REPLICAOF", "NO", "ONE"]);
    between.cut();
    let status = replica.command(&["HGET", &format!("rhailib:{}", task.id), "status"]);
    assert!(again.is_err() || status.contains("pending"), "accepted, and the replica does not have it");
}

#[test]
fn lagging_replica_holds_up_no_other_call() {
    let (server, _replica, between) = replicated_pair();
    let transport = open_with(&server, replicated(Duration::from_secs(60)));
    block_on(transport.submit_one(task())).expect("the replica confirms it");
    between.black_hole(Direction::ToClient);
    let task = task();
    let submitting = {
        let (transport, task) = (transport.clone(), task.clone());
        std::thread::spawn(move || block_on(transport.submit_one(task)))
    };
    let mut redis = client(&server);
    let mut clients = || redis::cmd("CLIENT").arg("LIST").query::<String>(&mut redis).expect("an answer");
    until("the server waits for the replica", || {
        clients().lines().any(|client| client.contains("flags=b") && client.contains("cmd=wait"))
    });
    let details = block_on(transport.details_of(task.id)).expect("a record");
    assert_eq!(details.status, TaskStatus::Pending);
    if submitting.is_finished() {
        panic!("it does not wait for the replica: {:?}", submitting.join());
    }
    between.heal();
    submitting.join().expect("no panic").expect("the replica has confirmed it");
    assert_eq!(transport.health().reconnects, 0, "no connection was taken for dead");
}

/// Redis has WAITAOF from 7.2 on. A client that asks an older server for it gets an error that says so.
#[test]
fn what_is_on_disk_counts_where_the_server_can_say_so() {
    let server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]);
    let durability = Durability::Fsynced { replicas: 0, timeout: Duration::from_secs(10) };
    let transport = open_with(&server, durability);
    let connected = block_on(transport.connect());
    if server.command(&["COMMAND", "INFO", "WAITAOF"]).contains("waitaof") {
        connected.expect("the server can do that");
        let consumer = attach(&transport);
        submit(&transport);
        let claimed = claim(&consumer);
        complete(&consumer, claimed.claim);
    } else {
        let error = connected.expect_err("the server is too old");
        assert!(
            matches!(error, TransportError::Refused(_)) && error.to_string().contains("7.2"),
            "{error:?}"
        );
    }
}
