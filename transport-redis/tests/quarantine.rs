//! Quarantine, as docs/PROTOCOL.md describes it, checked with an independent client.

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::BoxFuture;
use redis::Commands;
use rhai_dispatcher_core::{
    CancelReason, Claimed, Completion, Consumer, Finish, Finished, Requeued, TaskId, TaskLog, TransportError,
    TransportExt,
};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{
    attach, claim, claim_of, client, complete, config, end, open, open_mortal, report_crash, submit, until,
    wait_for_tasks,
};

const QUARANTINE: &str = "{rhailib:worker-1}:quarantine";
const STATE: &str = "{rhailib:worker-1}:state";
const ALIVE: &str = "{rhailib:worker-1}:alive";

fn ten() -> NonZeroUsize {
    NonZeroUsize::new(10).expect("more than none")
}

/// A handle under which no observation ends by itself.
fn open_patient(server: &RedisServer) -> RedisTransport {
    let mut config = config(server);
    config.transport.observation = Duration::from_secs(600);
    RedisTransport::new(config).expect("a valid config")
}

/// Submits tasks and lets their process die on them, so that they are quarantined.
fn quarantined(transport: &RedisTransport, count: usize) -> Vec<TaskId> {
    let doomed = attach(transport);
    let ids: Vec<_> = (0..count).map(|_| submit(transport)).collect();
    for id in &ids {
        assert_eq!(claim(&doomed).claim.task, *id);
    }
    let requeued = report_crash(transport, &doomed, &ids);
    assert_eq!(requeued, Requeued { released: 0, blamed: count });
    ids
}

fn field(redis: &mut redis::Connection, key: &str, name: &str) -> Option<String> {
    redis.hget(key, name).expect("an answer")
}

/// Takes the blame from quarantined tasks, as if they had been lost twice in company: they wait in front.
fn take_blame(redis: &mut redis::Connection, ids: &[TaskId]) {
    for id in ids {
        let _: () =
            redis.hset_multiple(format!("rhailib:{id}"), &[("deaths", 2), ("blamed", 0)]).expect("written");
        let _: () = redis.zincr(QUARANTINE, id.to_string(), -4e15).expect("written");
    }
}

/// The group under observation: instance, until when, whether it is alone, its size, its first task.
fn observed(redis: &mut redis::Connection) -> Option<[String; 5]> {
    let text = field(redis, STATE, "observed")?;
    let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
    Some(words.try_into().expect("five words"))
}

fn group(redis: &mut redis::Connection) -> [Option<String>; 2] {
    ["group", "singles"].map(|name| field(redis, STATE, name))
}

fn numbers(group: usize, singles: usize) -> [Option<String>; 2] {
    [Some(group.to_string()), Some(singles.to_string())]
}

fn tasks(claimed: &[Claimed]) -> Vec<TaskId> {
    claimed.iter().map(|claimed| claimed.claim.task).collect()
}

/// Says in the name of an instance that it has waited for so many tasks since long ago.
fn wait_since_long_ago(server: &RedisServer, instance: &dyn Consumer, count: usize) {
    let credit = "return redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>ddI4I1I1', 1, 1, ARGV[2], 1, 0))";
    let (id, count) = (instance.instance().to_string(), count.to_string());
    let _ = server.command(&["EVAL", credit, "1", "{rhailib:worker-1}:idle", &id, &count]);
}

#[test]
fn quarantine_is_readable_at_every_step() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    let ids = quarantined(&transport, 4);
    let waiting: Vec<String> = redis.zrange(QUARANTINE, 0, -1).expect("an answer");
    assert_eq!(waiting, ids.iter().map(TaskId::to_string).collect::<Vec<_>>(), "in the order of submission");
    let record = format!("rhailib:{}", ids[0]);
    assert_eq!(field(&mut redis, &record, "status").as_deref(), Some("pending"));
    assert_eq!(field(&mut redis, &record, "deaths").as_deref(), Some("1"));
    assert_eq!(field(&mut redis, &record, "blamed").as_deref(), Some("1"));
    assert_eq!(group(&mut redis), numbers(1, 7));
    assert!(field(&mut redis, STATE, "open_at").is_some());
    assert_eq!(observed(&mut redis), None);

    take_blame(&mut redis, &ids);
    let consumer = attach(&transport);
    let own = consumer.instance().to_string();
    let claimed = block_on(consumer.claim(ten())).expect("a claim");
    assert_eq!(tasks(&claimed), ids[..1]);
    let [instance, _, alone, size, first] = observed(&mut redis).expect("an observation");
    assert_eq!([instance, alone, size, first], [own.clone(), "1".into(), "1".into(), ids[0].to_string()]);
    assert_eq!(field(&mut redis, STATE, "reserved"), Some(format!("{own} 1")));

    complete(&consumer, claimed[0].claim);
    assert_eq!(observed(&mut redis), None, "it has survived by its end");
    assert_eq!(group(&mut redis), numbers(1, 6));
    // As if all groups of one had survived.
    let _: () = redis.hset_multiple(STATE, &[("group", 2), ("singles", 0)]).expect("written");
    let claimed = block_on(consumer.claim(ten())).expect("a claim");
    assert_eq!(tasks(&claimed), ids[1..3]);
    let [_, _, alone, size, first] = observed(&mut redis).expect("an observation");
    assert_eq!([alone, size, first], ["1".into(), "2".into(), ids[1].to_string()]);

    block_on(consumer.detach()).expect("a detach");
    assert_eq!(redis.zcard::<_, usize>(QUARANTINE).expect("an answer"), 3, "released to where they were");
    assert_eq!(group(&mut redis), numbers(2, 0), "it has neither survived nor failed");
}

#[test]
fn state_of_an_empty_quarantine_is_deleted() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    quarantined(&transport, 1);
    let consumer = attach(&transport);
    let claimed = claim(&consumer);
    complete(&consumer, claimed.claim);
    for name in ["observed", "group", "singles", "open_at", "reserved"] {
        assert_eq!(field(&mut redis, STATE, name), None, "{name}");
    }
}

#[test]
fn group_survives_by_a_renewal_of_its_own_instance_only() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let mut config = config(&server);
    config.transport.observation = Duration::from_millis(1);
    config.transport.lease = Duration::from_secs(600); // a tenth of it is not over in this test
    let transport = RedisTransport::new(config).expect("a valid config");
    let ids = quarantined(&transport, 2);
    let (observed_one, other) = (attach(&transport), attach(&transport));
    assert_eq!(claim(&observed_one).claim.task, ids[0]);
    let mut waiting = wait_for_tasks(&mut redis, &other);
    std::thread::sleep(Duration::from_millis(2)); // more than the observation
    block_on(other.renew()).expect("a renewal");
    assert!(observed(&mut redis).is_some());
    assert!((&mut waiting).now_or_never().is_none());
    block_on(observed_one.renew()).expect("a renewal");
    assert_eq!(tasks(&block_on(waiting).expect("a claim")), ids[1..]);
}

#[test]
fn each_death_beyond_the_second_doubles_the_observation() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    for (deaths, factor) in [("1", 1), ("2", 1), ("3", 2), ("5", 8), ("12", 1 << 10), ("4000", 1 << 10)] {
        let id = quarantined(&transport, 1)[0];
        let record = format!("rhailib:{id}");
        let _: () = redis.hset(&record, "deaths", deaths).expect("written");
        let consumer = attach(&transport);
        let claimed = claim(&consumer);
        let start = field(&mut redis, &record, "claim").expect("a claim");
        let [_, _, started_at] = claim_of(&start);
        let [_, until, ..] = observed(&mut redis).expect("an observation");
        let millis = until.parse::<u64>().expect("a time") - started_at.parse::<u64>().expect("a time");
        assert_eq!(millis, 100 * factor, "{deaths} deaths");
        complete(&consumer, claimed.claim);
        block_on(consumer.detach()).expect("a detach");
    }
}

#[test]
fn waiting_instance_that_becomes_free_gets_the_group() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    let busy = attach(&transport);
    submit(&transport);
    let own = claim(&busy).claim;
    let ids = quarantined(&transport, 1);
    let mut waiting = wait_for_tasks(&mut redis, &busy);
    assert!((&mut waiting).now_or_never().is_none(), "it holds another task");
    complete(&busy, own);
    assert_eq!(tasks(&block_on(waiting).expect("a claim")), ids);
    let [_, _, alone, ..] = observed(&mut redis).expect("an observation");
    assert_eq!(alone, "1");
}

/// A busy instance that is reserved for a quarantined task, with that task and what it waits for.
fn reserved(
    redis: &mut redis::Connection,
    transport: &RedisTransport,
    busy: &Arc<dyn Consumer>,
) -> (TaskId, BoxFuture<'static, Result<Vec<Claimed>, TransportError>>) {
    submit(transport);
    claim(busy);
    let id = quarantined(transport, 1)[0];
    let waiting = wait_for_tasks(redis, busy);
    assert_eq!(field(redis, STATE, "reserved"), Some(format!("{} 0", busy.instance())));
    (id, waiting)
}

#[test]
fn reserved_instance_continues_once_another_has_started_the_group() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    let busy = attach(&transport);
    let (id, mut waiting) = reserved(&mut redis, &transport, &busy);
    let plain = submit(&transport);
    assert!((&mut waiting).now_or_never().is_none(), "it is reserved");
    let free = attach(&transport);
    assert_eq!(claim(&free).claim.task, id);
    assert_eq!(tasks(&block_on(waiting).expect("a claim")), [plain]);
    assert_eq!(field(&mut redis, STATE, "reserved"), Some(format!("{} 1", free.instance())));
}

#[test]
fn reservation_ends_with_the_cancel_of_what_it_was_for() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    let busy = attach(&transport);
    let (id, waiting) = reserved(&mut redis, &transport, &busy);
    let plain = submit(&transport);
    block_on(transport.cancel_one(id, CancelReason::Asked)).expect("a cancel");
    block_on(busy.renew()).expect("a renewal");
    assert_eq!(field(&mut redis, STATE, "reserved"), None);
    assert_eq!(tasks(&block_on(waiting).expect("a claim")), [plain]);
}

#[test]
fn observation_whose_instance_is_gone_starts_over() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    let ids = quarantined(&transport, 2);
    let gone = attach(&transport);
    claim(&gone);
    // As if the server had lost the rest of what it wrote with it.
    let _: () = redis.zrem(ALIVE, gone.instance().to_string()).expect("removed");
    let consumer = attach(&transport);
    assert_eq!(tasks(&block_on(consumer.claim(ten())).expect("a claim")), ids[1..]);
    let [instance, ..] = observed(&mut redis).expect("an observation");
    assert_eq!(instance, consumer.instance().to_string());
}

#[test]
fn abandoned_task_ends_the_observation_of_its_instance() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    let ids = quarantined(&transport, 4);
    take_blame(&mut redis, &ids);
    let _: () = redis.hset_multiple(STATE, &[("group", 2), ("singles", 0)]).expect("written");
    let consumer = attach(&transport);
    let claimed = block_on(consumer.claim(ten())).expect("a claim");
    assert_eq!(tasks(&claimed), ids[..2]);
    let done = Completion { claim: claimed[0].claim, finish: Finish::Abandon, log: TaskLog::new() };
    assert_eq!(end(&consumer, done), Finished::Written);
    assert_eq!(observed(&mut redis), None);
    assert_eq!(group(&mut redis), numbers(1, 7));
    let record = format!("rhailib:{}", ids[0]);
    assert_eq!(field(&mut redis, &record, "blamed").as_deref(), Some("1"));
}

#[test]
fn group_beside_others_opens_the_quarantine_to_busy_instances() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    let busy = attach(&transport);
    let (own, ids) = {
        submit(&transport);
        let own = claim(&busy).claim;
        (own, quarantined(&transport, 3))
    };
    take_blame(&mut redis, &ids);
    // As if no instance had become free in time.
    let _: () = redis.hset(STATE, "open_at", 0).expect("written");
    assert_eq!(tasks(&block_on(busy.claim(ten())).expect("a claim")), ids[..1]);
    let [_, _, alone, ..] = observed(&mut redis).expect("an observation");
    assert_eq!(alone, "0");
    let plain = submit(&transport);
    assert_eq!(claim(&busy).claim.task, plain, "it continues to claim others");

    // The observation is over.
    let ended = observed(&mut redis).expect("an observation");
    let text = format!("{} 0 0 1 {}", ended[0], ended[4]);
    let _: () = redis.hset(STATE, "observed", text).expect("written");
    assert_eq!(tasks(&block_on(busy.claim(ten())).expect("a claim")), ids[1..2], "with nothing to wait for");
    complete(&busy, own);
}

#[test]
fn crashed_task_says_why_it_was_blamed() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_patient(&server);
    let id = quarantined(&transport, 1)[0];
    for _ in 0..2 {
        let doomed = attach(&transport);
        assert_eq!(claim(&doomed).claim.task, id);
        assert_eq!(report_crash(&transport, &doomed, &[id]), Requeued { released: 0, blamed: 1 });
    }
    let record = format!("rhailib:{id}");
    assert_eq!(field(&mut redis, &record, "error_kind").as_deref(), Some("crashed"));
    let message = field(&mut redis, &record, "error").expect("a message");
    let expected = "it has killed or blocked 3 worker instances (max_deliveries); \
                    the last one died while this task was on a processor";
    assert_eq!(message, expected);
    assert_eq!(field(&mut redis, STATE, "open_at"), None, "nothing is left in quarantine");
}

#[test]
fn unread_delivery_of_a_dead_instance_counts_no_death() {
    let server = RedisServer::start();
    let transport = open_mortal(&server);
    let dead = attach(&transport);
    // As if it had died while it waited: no client reads the list of its deliveries.
    wait_since_long_ago(&server, &*dead, 1);
    let id = submit(&transport);
    drop(dead);
    let survivor = attach(&transport);
    let claimed = claim_alive(&survivor);
    assert_eq!((claimed.claim.task, claimed.claim.delivery, claimed.deaths), (id, 1, 0));
}

/// Claims one task, for an instance that lives.
fn claim_alive(consumer: &Arc<dyn Consumer>) -> Claimed {
    let mut claim = consumer.claim(NonZeroUsize::MIN);
    let mut claimed = None;
    until("a claim", || {
        block_on(consumer.renew()).expect("a renewal");
        claimed = (&mut claim).now_or_never();
        claimed.is_some()
    });
    claimed.expect("it was claimed").expect("a claim").remove(0)
}

#[test]
fn unread_delivery_is_not_blamed_by_a_report() {
    let server = RedisServer::start();
    let transport = open(&server);
    let dead = attach(&transport);
    wait_since_long_ago(&server, &*dead, 1);
    let id = submit(&transport);
    assert_eq!(report_crash(&transport, &dead, &[id]), Requeued { released: 1, blamed: 0 });
    let claimed = claim(&attach(&transport));
    assert_eq!((claimed.claim.task, claimed.claim.delivery, claimed.deaths), (id, 1, 0));
}

#[test]
fn dead_instance_is_delivered_no_more_than_its_share() {
    let server = RedisServer::start();
    let transport = open(&server);
    let (dead, survivor) = (attach(&transport), attach(&transport));
    // As if it had died while it waited, longer than all others, and wanted ten.
    wait_since_long_ago(&server, &*dead, 10);
    let mut waiting = survivor.claim(ten());
    assert!((&mut waiting).now_or_never().is_none(), "there is nothing to claim");
    let idle = || server.command(&["HLEN", "{rhailib:worker-1}:idle"]);
    until("both wait", || idle().starts_with(":2"));
    submit(&transport);
    let second = submit(&transport);
    assert_eq!(block_on(waiting).expect("a claim")[0].claim.task, second);
}
