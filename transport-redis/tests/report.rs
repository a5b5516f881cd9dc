//! What an instance says of itself and counts, as docs/PROTOCOL.md has it, checked with an independent client.

mod support;

use std::collections::HashMap;
use std::time::Duration;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{Added, Counters, Histogram, InstanceReport, Transport, WorkerId};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, client, config, open};

const FIGURES: &str = "{rhailib:worker-1}:figures";

fn report(sequence: u64, name: &str) -> InstanceReport {
    let mut counters = Counters::default();
    (counters.completed, counters.cancelled, counters.micros) = (2, 1, 3_000);
    counters.times.add(Histogram::bucket_of(1_000), 3);
    let mut report = InstanceReport::default();
    report.sequence = sequence;
    report.description = Some(r#"{"host":"here"}"#.into());
    report.uptime = Duration::from_secs(5);
    report.in_flight.insert(name.into(), 7);
    report.added.push(Added { name: name.into(), counters, idle_for: Duration::ZERO });
    report
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").expect("a name")
}

#[test]
fn a_report_is_in_keys_of_its_worker_id_that_expire() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    block_on(consumer.report(&report(4, "a.b"))).expect("a report");
    let bucket = format!("a.b:{}", Histogram::bucket_of(1_000));
    let mut fields: HashMap<String, u64> = redis.hgetall(FIGURES).expect("figures");
    let last = fields.remove("a.b:last").expect("a time");
    let expected =
        [(":methods", 1), ("a.b:completed", 2), ("a.b:cancelled", 1), ("a.b:micros", 3_000), (&*bucket, 3)];
    assert_eq!(fields, expected.map(|(name, count)| (name.to_owned(), count)).into());

    let announced = format!("{{rhailib:worker-1}}:announced:{}", consumer.instance());
    let said: HashMap<String, String> = redis.hgetall(&announced).expect("an announcement");
    assert_eq!((&*said["description"], &*said["in_flight"]), (r#"{"host":"here"}"#, r#"{"a.b":7}"#));
    let started_at: u64 = said["started_at"].parse().expect("a time");
    assert_eq!(last - started_at, 5_000, "both by the server's clock");
    let counted = format!("{{rhailib:worker-1}}:counted:{}", consumer.instance());
    assert_eq!(redis.get::<_, u64>(&counted).expect("a number"), 4);
    let announced_ttl = 24 * i64::try_from(config(&server).transport.lease.as_secs()).expect("some minutes");
    for (key, longest) in [(FIGURES, 7 * 24 * 3_600), (&announced, announced_ttl), (&counted, 3_600)] {
        let ttl: i64 = redis.ttl(key).expect("an answer");
        assert!((longest - 5..=longest).contains(&ttl), "{key}: {ttl}");
    }

    block_on(consumer.detach()).expect("a detach");
    assert!(!redis.exists::<_, bool>(&announced).expect("an answer"));
    assert_eq!(block_on(transport.figures(&worker_id())).expect("figures").len(), 1);
}

#[test]
fn report_that_finds_a_key_of_the_wrong_type_counts_when_it_is_sent_again() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    for key in
        ["announced", "counted"].map(|name| format!("{{rhailib:worker-1}}:{name}:{}", consumer.instance()))
    {
        let _: () = redis.lpush(&key, "x").expect("written");
        assert!(block_on(consumer.report(&report(1, "a.b"))).is_err(), "{key}");
        assert!(!redis.exists::<_, bool>(FIGURES).expect("an answer"));
        let _: () = redis.del(&key).expect("deleted");
    }
    let _: () = redis.set(FIGURES, "x").expect("written");
    assert!(block_on(consumer.report(&report(1, "a.b"))).is_err());
    assert!(block_on(transport.figures(&worker_id())).is_err());
    assert_eq!(block_on(transport.instances(None)).expect("instances").len(), 1);
    let _: () = redis.del(FIGURES).expect("deleted");
    for _ in 0..2 {
        block_on(consumer.report(&report(1, "a.b"))).expect("a report");
    }
    let figures = block_on(transport.figures(&worker_id())).expect("figures");
    assert_eq!(figures[0].counters.calls(), 3);
}

#[test]
fn what_other_clients_write_beside_is_left_out() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let consumer = attach(&transport);
    let fields =
        [("a.b:completed", "text"), ("a.b:99999", "1"), ("no colon", "1"), (":", "1"), ("a.b:later", "1")];
    let _: () = redis.hset_multiple(FIGURES, &fields).expect("written");
    block_on(consumer.report(&report(1, "a.b"))).expect("a report");
    let figures = block_on(transport.figures(&worker_id())).expect("figures");
    let [only] = &figures[..] else { panic!("{figures:?}") };
    assert_eq!((&*only.name, only.counters.completed, only.counters.cancelled), ("a.b", 0, 1));
    assert_eq!(only.counters.times.count(), 3);

    let announced = format!("{{rhailib:worker-1}}:announced:{}", consumer.instance());
    let broken = [("description", "{"), ("started_at", "soon"), ("in_flight", "[]")];
    let _: () = redis.hset_multiple(&announced, &broken).expect("written");
    let infos = block_on(transport.instances(None)).expect("instances");
    assert_eq!(
        (infos[0].description.is_none(), infos[0].started_at, infos[0].in_flight.len()),
        (true, None, 0)
    );
}
