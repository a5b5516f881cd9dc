//! What callers are told while the server is away, and when; and what that costs it.

mod support;

use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::join_all;
use rhai_dispatcher_core::{
    Dispatcher, DispatcherConfig, Error, Json, OutcomeError, Task, TaskId, TaskStatus, Transport,
    TransportError, TransportExt,
};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::{Direction, FaultyProxy, RedisServer};
use support::{attach, claim, client, complete, open, task};

/// A handle whose calls take that long at most.
fn open_via(proxy: &FaultyProxy, timeout: Duration) -> RedisTransport {
    RedisTransport::new(RedisConfig::new(proxy.url()).with_call_timeout(timeout)).expect("a valid config")
}

#[test]
fn each_submit_of_an_outage_has_its_own_time() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let transport = open_via(&proxy, TIMEOUT);
    block_on(transport.connect()).expect("a connection");
    proxy.black_hole(Direction::ToServer);
    proxy.black_hole(Direction::ToClient);
    let submit = |after: Duration| {
        let transport = transport.clone();
        std::thread::spawn(move || {
            std::thread::sleep(after);
            let start = Instant::now();
            let answer = block_on(transport.submit_one(task()));
            (answer.map(drop), start.elapsed())
        })
    };
    let submits: Vec<_> = (0..10).map(|tenth| submit(TIMEOUT * tenth / 10)).collect();
    for submit in submits {
        let (answer, took) = submit.join().expect("no panic");
        assert!(matches!(answer.map_err(Error::from), Err(Error::Unavailable(_))));
        assert!(took >= TIMEOUT, "it was told after {took:?}");
    }
}

#[test]
fn ten_thousand_waits_of_an_outage_are_told_in_time() {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let transport = open_via(&proxy, TIMEOUT);
    block_on(transport.connect()).expect("a connection");
    proxy.black_hole(Direction::ToServer);
    proxy.black_hole(Direction::ToClient);
    let start = Instant::now();
    let waits: Vec<_> = (0..10_000).map(|_| transport.outcome(TaskId::new())).collect();
    // The server does not come back.
    let told = block_on(join_all(waits));
    let took = start.elapsed();
    let is_unavailable =
        |told: &_| matches!(told, Err(OutcomeError::Transport(TransportError::Unavailable(_))));
    assert!(told.iter().all(is_unavailable));
    assert!(took >= TIMEOUT, "told after {took:?}");
    // One look after another would take 79 times as long.
    assert!(took < 20 * TIMEOUT, "told after {took:?}");
    assert_eq!(transport.health().waiters, 0);
}

#[test]
fn a_wait_ends_at_its_own_time_though_the_server_is_away() {
    let server = RedisServer::start();
    let proxy = FaultyProxy::start(server.port());
    let transport = open_via(&proxy, Duration::from_secs(60));
    let id = block_on(transport.submit_one(task())).expect("accepted").task_id();
    let config = DispatcherConfig::new("caller").expect("a caller");
    let dispatcher = Dispatcher::new(std::sync::Arc::new(transport), config);
    proxy.black_hole(Direction::ToServer);
    proxy.black_hole(Direction::ToClient);
    for timeout in [10, 200, 500].map(Duration::from_millis) {
        let start = Instant::now();
        let waited = block_on(dispatcher.wait(id, timeout));
        let took = start.elapsed();
        assert!(
            matches!(waited, Err(Error::Timeout(ref timed_out)) if timed_out.task_id() == id),
            "{waited:?}"
        );
        assert!(took >= timeout, "{timeout:?}: it ended after {took:?}");
        assert!(took < Duration::from_secs(30), "{timeout:?}: it ended after {took:?}");
    }
}

#[test]
fn looks_ask_for_the_status_until_there_is_an_outcome() {
    const WAITS: usize = 20;
    let server = RedisServer::start();
    let mut redis = client(&server);
    let submitter = open(&server);
    let mut large = Task { awaited: false, ..task() };
    let text = "x".repeat(1 << 20);
    large.args = Json::of(&std::collections::HashMap::from([("text", &text)])).expect("JSON");
    let ids: Vec<_> = (0..WAITS)
        .map(|_| {
            let task = Task { id: TaskId::new(), ..large.clone() };
            block_on(submitter.submit_one(task)).expect("accepted").task_id()
        })
        .collect();
    let waiter = open(&server);
    let sent = |redis: &mut redis::Connection| {
        let stats: String = redis::cmd("INFO").arg("stats").query(redis).expect("an answer");
        let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.and_then(|bytes| bytes.parse::<usize>().ok()).expect("a number")
    };
    let before = sent(&mut redis);
    let waits: Vec<_> = ids.iter().map(|id| waiter.outcome(*id)).collect();
    let watched = |redis: &mut redis::Connection, id: &TaskId| {
        redis::cmd("HEXISTS").arg(format!("rhailib:{id}")).arg("watched").query(redis).expect("an answer")
    };
    support::until("they were looked at", || ids.iter().all(|id| watched(&mut redis, id)));
    let took = sent(&mut redis) - before;
    assert!(took < 1 << 20, "the looks took {took} bytes");

    let consumer = attach(&submitter);
    for _ in 0..WAITS {
        let claimed = claim(&consumer);
        complete(&consumer, claimed.claim);
    }
    for details in block_on(join_all(waits)) {
        let details = details.expect("an outcome");
        assert_eq!((details.status, details.args.as_str().len()), (TaskStatus::Completed, text.len() + 11));
    }
}
