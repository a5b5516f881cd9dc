//! What running tasks tell, as it stands in Redis, and without Redis.

mod support;

use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{
    Claim, LogLevel, LogLine, RunEvent, TaskEvent, TaskEvents, TaskId, Transport, TransportConfig,
};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, client, complete, config, open, submit, until};

fn line(number: u32) -> RunEvent {
    RunEvent::Line { number, line: LogLine { level: LogLevel::Print, text: format!("line {number}") } }
}

fn next(events: &mut TaskEvents) -> TaskEvent {
    block_on(events.next()).expect("the task has not ended").expect("an event")
}

/// The text of the next line, and how many were lost before it.
fn next_line(events: &mut TaskEvents) -> (u32, String) {
    let mut lost = 0;
    loop {
        match next(events) {
            TaskEvent::Line { text, .. } => return (lost, text),
            TaskEvent::Lost { lines, .. } => lost += lines,
            TaskEvent::Ended(details) => panic!("it has ended: {details:?}"),
            _ => {}
        }
    }
}

fn stream_of(id: TaskId) -> String {
    format!("{{rhailib:{id}}}:events")
}

#[test]
fn task_that_ends_at_once_writes_no_stream() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let (short, long) = (submit(&transport), submit(&transport));
    let (first, second) = (claim(&consumer).claim, claim(&consumer).claim);
    assert_eq!((first.task, second.task), (short, long));
    consumer.publish(&first, line(0));
    complete(&consumer, first);
    consumer.publish(&second, line(0));
    until("the other one is told", || redis.exists(stream_of(long)).expect("an answer"));
    assert!(!redis.exists::<_, bool>(stream_of(short)).expect("an answer"));
}

#[test]
fn stream_is_bounded_and_expires_soon_after_the_outcome() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let limits = TransportConfig::default().with_max_events(20).with_lease(Duration::from_secs(600));
    let transport = RedisTransport::new(config(&server).with_transport(limits)).expect("a valid config");
    let consumer = attach(&transport);
    let id = submit(&transport);
    let mut events = transport.events(id);
    let claim = claim(&consumer).claim;
    for batch in 0..5 {
        let last = batch * 15 + 14;
        (batch * 15..=last).for_each(|number| consumer.publish(&claim, line(number)));
        while next_line(&mut events).1 != format!("line {last}") {}
    }
    let stream = stream_of(id);
    assert_eq!(redis.xlen::<_, usize>(&stream).expect("a length"), 20);
    let ttl: i64 = redis.ttl(&stream).expect("an answer");
    assert!((3_500..=3_600).contains(&ttl), "{ttl}");
    complete(&consumer, claim);
    until("it expires soon", || (0..=60).contains(&redis.ttl::<_, i64>(&stream).expect("an answer")));
}

#[test]
fn events_that_a_full_server_refuses_are_counted() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let mut events = transport.events(submit(&transport));
    let claim = claim(&consumer).claim;
    consumer.publish(&claim, line(0));
    assert_eq!(next_line(&mut events), (0, "line 0".into()));
    let mut set_memory = |bytes: &str| {
        let mut command = redis::cmd("CONFIG");
        command.arg(&["SET", "maxmemory", bytes]).exec(&mut redis).expect("it is set");
    };
    set_memory("1");
    (1..=3).for_each(|number| consumer.publish(&claim, line(number)));
    until("they are refused", || server.command(&["INFO", "errorstats"]).contains("errorstat_OOM"));
    set_memory("0");
    consumer.publish(&claim, line(4));
    assert_eq!(next_line(&mut events), (3, "line 4".into()));
}

/// Publishes lines while the server is away: each call returns, and the newest are kept.
#[test]
fn run_does_not_wait_for_a_server_that_is_away() {
    const LINES: u32 = 100_000;
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let transport = open(&server);
    let consumer = attach(&transport);
    let mut events = transport.events(submit(&transport));
    let claim = claim(&consumer).claim;
    consumer.publish(&claim, line(0));
    assert_eq!(next_line(&mut events), (0, "line 0".into()));
    server.kill();
    (1..LINES).for_each(|number| consumer.publish(&claim, line(number)));
    server.restart();
    let last = format!("line {}", LINES - 1);
    let (mut lost, mut received) = (0, 0);
    while let (more, text) = next_line(&mut events)
        && {
            lost += more;
            received += 1;
            text != last
        }
    {}
    assert_eq!(lost + received, LINES - 1);
    assert!(lost > 0 && received <= 2_000, "{lost} lost, {received} received");
}

#[test]
fn overwritten_stream_harms_no_other_subscriber() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let (broken, sound) = (submit(&transport), submit(&transport));
    let claims: [Claim; 2] = [claim(&consumer).claim, claim(&consumer).claim];
    redis.set::<_, _, ()>(stream_of(broken), "overwritten").expect("it is set");
    let (mut of_broken, mut of_sound) = (transport.events(broken), transport.events(sound));
    claims.iter().for_each(|claim| consumer.publish(claim, line(0)));
    assert_eq!(next_line(&mut of_sound), (0, "line 0".into()));
    complete(&consumer, claims[0]);
    loop {
        if let TaskEvent::Ended(details) = next(&mut of_broken) {
            assert_eq!(details.task_id, broken);
            break;
        }
    }
}
