//! Writes that count only once replicas, or disks, have them.

mod support;

use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{TaskStatus, Transport, TransportError, TransportExt};
use rhai_dispatcher_redis::{Durability, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, complete, config, submit, task, until};

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
