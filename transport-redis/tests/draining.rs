//! An instance whose lanes claim no more.

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{Completion, Consumer, Finish, Finished, TaskId, TaskLog};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, end, open, submit, until};

const IDLE: &str = "rhailib:{worker-1}:idle";

fn client(server: &RedisServer) -> redis::Connection {
    redis::Client::open(server.url()).expect("a URL").get_connection().expect("a connection")
}

/// Lets an instance claim until the server knows that it waits, and then no more.
fn claim_in_vain(redis: &mut redis::Connection, consumer: &Arc<dyn Consumer>) {
    let instance = consumer.instance().to_string();
    let mut waiting = consumer.claim(NonZeroUsize::new(10).expect("more than none"));
    assert!((&mut waiting).now_or_never().is_none(), "there is nothing to claim");
    until("it waits", || redis.hexists(IDLE, &instance).expect("an answer"));
    drop(waiting);
}

fn state(redis: &mut redis::Connection, id: TaskId) -> (String, Option<String>, Option<u32>) {
    let fields = ["status", "started_at", "delivery"];
    redis.hmget(format!("rhailib:{id}"), &fields).expect("a record")
}

#[test]
fn what_it_hands_back_does_not_come_to_it_again() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    for _ in 0..20 {
        let id = submit(&transport);
        let claim = claim(&consumer).claim;
        assert_eq!(claim.task, id);
        let (_, started_at, _) = state(&mut redis, id);
        thread::sleep(Duration::from_millis(2)); // so that another start shows
        claim_in_vain(&mut redis, &consumer);
        let done = Completion { claim, finish: Finish::HandBack, log: TaskLog::new() };
        assert_eq!(end(&consumer, done), Finished::Written);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(state(&mut redis, id), ("pending".to_owned(), started_at, Some(0)));
        // So that there is nothing to claim in the next round.
        block_on(rhai_dispatcher_core::TransportExt::cancel_one(
            &transport,
            id,
            rhai_dispatcher_core::CancelReason::Asked,
        ))
        .expect("cancelled");
    }
}

#[test]
fn it_is_given_nothing_from_then_on() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let instance = consumer.instance().to_string();
    claim_in_vain(&mut redis, &consumer);
    let start = Instant::now();
    until("it has left", || !redis.hexists::<_, _, bool>(IDLE, &instance).expect("an answer"));
    assert!(start.elapsed() < Duration::from_secs(1), "its wait had ended by itself");
    let id = submit(&transport);
    assert_eq!(state(&mut redis, id), ("pending".to_owned(), None, None), "it was never started");
    // It may come again.
    assert_eq!(claim(&consumer).claim.task, id);
}
