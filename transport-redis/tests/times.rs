//! Clocks that differ by a minute, and one that jumps; tasks that wait for their time.

mod support;

use std::num::NonZeroUsize;
use std::time::Duration;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{
    Completion, Consumer, Finish, Task, TaskError, TaskErrorKind, TaskLog, TaskStatus, Transport,
    TransportExt,
};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, client, complete, end, open, task, wait_for_tasks};

const MINUTE: i64 = 60;

/// A server whose clock is off by so many seconds.
fn server_off_by(seconds: i64) -> RedisServer {
    let server = RedisServer::start();
    load_functions(&open(&server));
    server.set_clock_offset(seconds);
    server
}

fn load_functions(transport: &RedisTransport) {
    block_on(transport.queue(&support::worker())).expect("an answer");
}

/// A task whose submitter waits for five seconds.
fn awaited() -> Task {
    Task { deadline_in: Some(Duration::from_secs(5)), ..task() }
}

#[test]
fn the_first_call_of_a_client_whose_clock_is_off_has_its_time() {
    for offset in [MINUTE, -MINUTE] {
        let server = server_off_by(offset);
        let transport = open(&server);
        let id = block_on(transport.submit_one(awaited())).expect("accepted").task_id();
        let worker = open(&server);
        let consumer = attach(&worker);
        let claimed = claim(&consumer);
        assert_eq!(claimed.claim.task, id, "{offset}: it has not expired");
        let details = block_on(transport.details_of(id)).expect("a record");
        assert_eq!(details.status, TaskStatus::Processing, "{offset}");
    }
}

#[test]
fn what_a_claimed_task_has_left_is_told_whatever_the_clocks_say() {
    for offset in [MINUTE, -MINUTE] {
        let server = server_off_by(offset);
        let transport = open(&server);
        let consumer = attach(&transport);
        let clock = transport.clock();
        let from = clock.now() + Duration::from_secs(5);
        block_on(transport.submit_one(awaited())).expect("accepted");
        let claimed = claim(&consumer);
        let until = clock.now() + Duration::from_secs(5) + Duration::from_millis(2);
        let deadline = claimed.deadline.expect("it has one");
        assert!(from <= deadline && deadline <= until, "{offset}: {from:?}, {deadline:?}, {until:?}");
    }
}

#[test]
fn a_delay_lasts_as_long_as_it_says_whatever_the_clocks_say() {
    const DELAY: Duration = Duration::from_millis(300);
    for offset in [MINUTE, -MINUTE] {
        let server = server_off_by(offset);
        let transport = open(&server);
        let consumer = attach(&transport);
        let start = transport.clock().now();
        let id = block_on(transport.submit_one(Task { delay: DELAY, ..task() })).expect("accepted").task_id();
        let claimed = claim(&consumer);
        let waited = transport.clock().now() - start;
        assert_eq!(claimed.claim.task, id);
        // A millisecond less: the server counts in them.
        assert!(waited + Duration::from_millis(1) >= DELAY, "{offset}: it waited for {waited:?}");
        assert!(waited < Duration::from_secs(30), "{offset}: it waited for {waited:?}");
        let details = block_on(transport.details_of(id)).expect("a record");
        assert!(details.started_at.expect("a start") >= details.created_at + DELAY, "{offset}");

        let error = TaskError::new(TaskErrorKind::Runtime, "no such luck");
        let retry = Finish::RetryIn(DELAY, error);
        let start = transport.clock().now();
        end(&consumer, Completion { claim: claimed.claim, finish: retry, log: TaskLog::new() });
        assert_eq!(claim(&consumer).claim.delivery, 2);
        let waited = transport.clock().now() - start;
        assert!(waited + Duration::from_millis(1) >= DELAY, "{offset}: it waited for {waited:?}");
        assert!(waited < Duration::from_secs(30), "{offset}: it waited for {waited:?}");
    }
}

#[test]
fn a_request_after_the_server_s_clock_has_jumped_has_its_time() {
    let server = RedisServer::start();
    let transport = open(&server);
    let consumer = attach(&transport);
    let run = |transport: &RedisTransport, consumer: &std::sync::Arc<dyn Consumer>| {
        let id = block_on(transport.submit_one(awaited())).expect("accepted").task_id();
        let outcome = transport.outcome(id);
        let claimed = claim(consumer);
        assert_eq!(claimed.claim.task, id);
        complete(consumer, claimed.claim);
        assert_eq!(block_on(outcome).expect("an outcome").status, TaskStatus::Completed);
    };
    run(&transport, &consumer);
    for offset in [MINUTE, 2 * MINUTE, MINUTE] {
        server.set_clock_offset(offset);
        run(&transport, &consumer);
    }
}

#[test]
fn a_delayed_task_starts_by_the_timer_of_the_client() {
    const TASKS: u64 = 5;
    let server = RedisServer::start();
    let mut redis = client(&server);
    // The server looks once a second whose wait is over.
    let _: String = redis::cmd("CONFIG").arg(&["SET", "hz", "1"]).query(&mut redis).expect("it is set");
    let _: String =
        redis::cmd("CONFIG").arg(&["SET", "dynamic-hz", "no"]).query(&mut redis).expect("it is set");
    let transport = open(&server);
    let consumer = attach(&transport);
    let mut late = Duration::ZERO;
    for number in 0..TASKS {
        let waiting = wait_for_tasks(&mut redis, &consumer);
        let delay = Duration::from_millis(150 + 170 * number);
        let id = block_on(transport.submit_one(Task { delay, ..task() })).expect("accepted").task_id();
        let claimed = block_on(waiting).expect("a claim").remove(0);
        assert_eq!(claimed.claim.task, id);
        let details = block_on(transport.details_of(id)).expect("a record");
        late += details.started_at.expect("a start") - (details.created_at + delay);
        complete(&consumer, claimed.claim);
    }
    // By the server's own timer it is half a second for each.
    assert!(late < Duration::from_millis(200) * TASKS as u32, "late by {late:?} together");
}

#[test]
fn an_instance_that_asks_for_more_than_fits_is_given_tasks_at_once() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    for room in [1_usize << 32, (1 << 32) + 1, i64::MAX as usize, usize::MAX] {
        let consumer = attach(&transport);
        let claims = std::sync::Arc::clone(&consumer);
        let waiting = async move { claims.claim(NonZeroUsize::new(room).expect("more than none")).await };
        let mut waiting = Box::pin(waiting);
        assert!(futures::FutureExt::now_or_never(&mut waiting).is_none());
        let instance = consumer.instance().to_string();
        support::until("it waits", || {
            redis.hexists("{rhailib:worker-1}:idle", &instance).expect("an answer")
        });
        let id = block_on(transport.submit_one(task())).expect("accepted").task_id();
        let claim: Option<String> = redis.hget(format!("rhailib:{id}"), "claim").expect("a record");
        assert!(claim.is_some(), "{room}: it was given at once");
        let claimed = block_on(waiting).expect("a claim").remove(0);
        complete(&consumer, claimed.claim);
        block_on(consumer.detach()).expect("detached");
    }
}

/// Says in the name of an instance that it waits: since when, until when it lives, for how many tasks, and whether it
/// claims when something is due.
fn wait_as(server: &RedisServer, instance: &str, [since, alive, tasks, watches]: [&str; 4]) {
    let credit = "local credit = struct.pack('>ddI4I1I1', ARGV[2], ARGV[3], ARGV[4], 1, ARGV[5])
        return redis.call('HSET', KEYS[1], ARGV[1], credit)";
    let key = "{rhailib:worker-1}:idle";
    let _ = server.command(&["EVAL", credit, "1", key, instance, since, alive, tasks, watches]);
}

#[test]
fn what_is_due_is_passed_on_by_an_instance_that_gets_work() {
    const FAR: &str = "9999999999999";
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let [single, other] = [attach(&transport), attach(&transport)];
    let (single_id, other_id) = (single.instance().to_string(), other.instance().to_string());
    let list = |id: &str| format!("{{rhailib:worker-1}}:deliveries:{id}");
    // Each was told to claim when it attached.
    let _: () = redis.del(&[list(&single_id), list(&other_id)][..]).expect("deleted");
    let dead = rhai_dispatcher_core::InstanceId::new().to_string();
    wait_as(&server, &single_id, ["1", FAR, "1", "1"]);
    wait_as(&server, &dead, ["2", "1", "4", "0"]);
    wait_as(&server, &other_id, ["3", FAR, "4", "0"]);
    let id = support::submit(&transport);
    let claim: String = redis.hget(format!("rhailib:{id}"), "claim").expect("a claim");
    assert!(claim.starts_with(&single_id), "the longest wait comes first");
    let woken: Vec<String> = redis.lrange(list(&other_id), 0, -1).expect("a list");
    assert_eq!(woken, [""], "it claims, and sees what is due");
    assert!(!redis.exists::<_, bool>(list(&dead)).expect("an answer"), "one that is dead can't");
    // One that keeps some credit still knows what is due.
    wait_as(&server, &single_id, ["1", FAR, "2", "1"]);
    wait_as(&server, &other_id, ["3", FAR, "4", "0"]);
    support::submit(&transport);
    assert_eq!(redis.llen::<_, usize>(list(&other_id)).expect("a length"), 1, "as before");
}
