//! What comes of the claims of instances that have died, many at a time, and of those that had not died after all.

mod support;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{
    Claimed, Consumer, InstanceSpec, Requeued, Task, TaskId, TaskStatus, Transport, TransportConfig,
    TransportExt, WorkerId,
};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{
    attach, claim, client, complete, config, crash_report, open, open_mortal, report_crash, submit, task,
    until,
};

const QUARANTINE: &str = "{rhailib:worker-1}:quarantine";
const READY: &str = "{rhailib:worker-1}:ready:normal";
const ALIVE: &str = "{rhailib:worker-1}:alive";

/// As many tasks as one process may have.
const MANY: usize = 10_000;

/// More than one script takes.
const SOME: usize = 1_300;

/// Renews the leases of its instances until it is dropped.
struct Renewals {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Renewals {
    fn of(instances: &[&Arc<dyn Consumer>]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (instances, stopped) =
            (instances.iter().map(|&one| Arc::clone(one)).collect::<Vec<_>>(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                for instance in &instances {
                    block_on(instance.renew()).expect("a renewal");
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Renewals {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A handle whose leases outlast a pause of a slow machine, though not a death.
fn open_slow(server: &RedisServer) -> RedisTransport {
    let transport = TransportConfig::default().with_lease(Duration::from_secs(2));
    RedisTransport::new(config(server).with_transport(transport)).expect("a valid config")
}

fn submit_many(transport: &RedisTransport, count: usize) -> HashSet<TaskId> {
    let tasks = (0..count).map(|_| task().into()).collect();
    let accepted = block_on(transport.submit(tasks)).expect("submitted");
    accepted.into_iter().map(|answer| answer.expect("accepted").task_id()).collect()
}

fn claim_many(consumer: &Arc<dyn Consumer>, count: usize) -> Vec<Claimed> {
    let mut claimed = Vec::new();
    while claimed.len() < count {
        let wanted = NonZeroUsize::new(count - claimed.len()).expect("some are missing");
        claimed.extend(block_on(consumer.claim(wanted)).expect("a claim"));
    }
    claimed
}

fn ids(claimed: &[Claimed]) -> HashSet<TaskId> {
    claimed.iter().map(|claimed| claimed.claim.task).collect()
}

fn held(instance: &Arc<dyn Consumer>) -> String {
    format!("{{rhailib:worker-1}}:held:{}", instance.instance())
}

fn lost(instance: &Arc<dyn Consumer>) -> String {
    format!("{{rhailib:worker-1}}:lost:{}", instance.instance())
}

/// What stands for an instance among the living: when its lease ends, or less than that.
fn alive(redis: &mut redis::Connection, instance: &Arc<dyn Consumer>) -> Option<f64> {
    redis.zscore(ALIVE, instance.instance().to_string()).expect("an answer")
}

/// Lets the lease of an instance be over, and not because the server was away.
fn expire(redis: &mut redis::Connection, worker_id: &str, instance: &Arc<dyn Consumer>) {
    let key = |what: &str| format!("{{rhailib:{worker_id}}}:{what}");
    let _: () = redis.hset(key("state"), "grace", 0).expect("set");
    let _: () = redis.zadd(key("alive"), instance.instance().to_string(), 1).expect("set");
}

#[test]
fn ten_thousand_claims_of_a_dead_instance_are_claimed_by_another() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_slow(&server);
    let (doomed, survivor) = (attach(&transport), attach(&transport));
    let _renewals = Renewals::of(&[&survivor]);
    let tasks = submit_many(&transport, MANY);
    {
        let _renewals = Renewals::of(&[&doomed]);
        assert_eq!(ids(&claim_many(&doomed, MANY)), tasks);
    }
    let (lost, held) = (lost(&doomed), held(&doomed));
    drop(doomed);
    let claimed = claim_many(&survivor, MANY);
    assert_eq!(ids(&claimed), tasks);
    assert!(claimed.iter().all(|claimed| (claimed.claim.delivery, claimed.deaths) == (2, 1)));
    assert_eq!(redis.exists::<_, usize>(&[held.as_str(), QUARANTINE][..]).expect("an answer"), 0);
    assert_eq!(redis.hlen::<_, usize>(&lost).expect("an answer"), MANY, "it may be heard of after all");
    assert!((1..=3_600_000).contains(&redis.pttl::<_, i64>(&lost).expect("an answer")));
}

#[test]
fn tasks_of_many_dead_instances_are_claimed_without_a_wait() {
    const DEAD: usize = 40;
    const EACH: usize = 10;
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let tasks = submit_many(&transport, DEAD * EACH);
    let doomed: Vec<_> = (0..DEAD).map(|_| attach(&transport)).collect();
    for instance in &doomed {
        claim_many(instance, EACH);
    }
    let survivor = attach(&transport);
    for instance in &doomed {
        expire(&mut redis, "worker-1", instance);
    }
    let claimed = claim_many(&survivor, DEAD * EACH);
    assert_eq!(ids(&claimed), tasks);
    assert!(claimed.iter().all(|claimed| (claimed.claim.delivery, claimed.deaths) == (2, 1)));
    let statistics = server.command(&["INFO", "commandstats"]);
    assert!(!statistics.contains("cmdstat_blpop"), "no claim has waited for the rest: {statistics}");
}

#[test]
fn look_at_many_queues_takes_no_more_claims_of_each_than_one_script_may() {
    const QUEUES: usize = 4;
    const AT_ONCE: usize = 512;
    const EACH: usize = 2 * AT_ONCE;
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let names: Vec<_> = (0..QUEUES).map(|index| format!("queue-{index}")).collect();
    let (mut doomed, mut looked_at) = (Vec::new(), Vec::new());
    for name in &names {
        let worker_id = WorkerId::try_from(name.as_str()).expect("a name");
        let id = || transport.new_task_id(&worker_id);
        let of_queue = || Task { id: id(), worker_id: worker_id.clone(), ..task() }.into();
        let accepted =
            block_on(transport.submit((0..EACH).map(|_| of_queue()).collect())).expect("submitted");
        looked_at.push(accepted[0].as_ref().expect("accepted").task_id());
        let instance = block_on(transport.attach(InstanceSpec::new(worker_id))).expect("an instance");
        claim_many(&instance, EACH);
        doomed.push(instance);
    }
    for (name, instance) in names.iter().zip(&doomed) {
        expire(&mut redis, name, instance);
    }
    let count_held = |redis: &mut redis::Connection| -> usize {
        let keys = names.iter().zip(&doomed);
        let keys = keys.map(|(name, instance)| format!("{{rhailib:{name}}}:held:{}", instance.instance()));
        keys.map(|key| redis.hlen::<_, usize>(key).expect("an answer")).sum()
    };
    block_on(transport.details(&looked_at)).expect("records");
    assert_eq!(count_held(&mut redis), QUEUES * (EACH - AT_ONCE));
}

#[test]
fn ten_thousand_claims_of_a_reported_instance_are_released() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let (doomed, survivor) = (attach(&transport), attach(&transport));
    let mut tasks = submit_many(&transport, MANY);
    let running = claim_many(&doomed, MANY)[MANY / 2].claim.task;
    // Named twice, and beside one that it does not run.
    let named = [running, TaskId::new(), running];
    let requeued = report_crash(&transport, &doomed, &named);
    assert_eq!(requeued, Requeued { released: MANY - 1, blamed: 1 });
    assert_eq!(redis.zrange::<_, Vec<String>>(QUARANTINE, 0, -1).expect("an answer"), [running.to_string()]);
    assert_eq!(alive(&mut redis, &doomed), None);
    assert_eq!(claim(&survivor).claim.task, running, "it holds nothing");
    tasks.remove(&running);
    let other = attach(&transport);
    let claimed = claim_many(&other, MANY - 1);
    assert_eq!(ids(&claimed), tasks);
    assert!(claimed.iter().all(|claimed| (claimed.claim.delivery, claimed.deaths) == (2, 0)));
    // Again changes nothing.
    assert_eq!(report_crash(&transport, &doomed, &named), Requeued::default());
}

#[test]
fn rest_of_a_report_that_broke_off_is_released_without_a_death() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let (doomed, survivor) = (attach(&transport), attach(&transport));
    let mut tasks = submit_many(&transport, SOME);
    let running = claim_many(&doomed, SOME)[0].claim.task;
    let report = crash_report(&doomed, &[running]);
    let mut reporting = transport.report_crash(&report);
    assert!((&mut reporting).now_or_never().is_none());
    until("the instance is marked", || alive(&mut redis, &doomed) == Some(-1.0));
    drop(reporting); // it does not send the rest
    // Also while no lease counts as over, as after an outage: it was decided before.
    let _: () = redis.hset("{rhailib:worker-1}:state", "grace", "9999999999999").expect("set");
    let left: usize = redis.hlen(held(&doomed)).expect("an answer");
    assert!((1..SOME).contains(&left), "{left}");
    assert_eq!(redis.zcard::<_, usize>(QUARANTINE).expect("an answer"), 1);

    assert_eq!(claim(&survivor).claim.task, running);
    let other = attach(&transport);
    let claimed = claim_many(&other, SOME - 1);
    tasks.remove(&running);
    assert_eq!(ids(&claimed), tasks);
    assert!(claimed.iter().all(|claimed| (claimed.claim.delivery, claimed.deaths) == (2, 0)));
}

#[test]
fn renewal_of_a_reported_instance_comes_too_late() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let reported = attach(&transport);
    submit_many(&transport, SOME);
    let claimed = claim_many(&reported, SOME);
    let report = crash_report(&reported, &[]);
    let mut reporting = transport.report_crash(&report);
    assert!((&mut reporting).now_or_never().is_none());
    until("the instance is marked", || alive(&mut redis, &reported) == Some(-1.0));
    drop(reporting);
    let lost = block_on(reported.renew()).expect("a renewal");
    assert_eq!(lost.len(), SOME, "also those that were not released yet");
    assert_eq!(redis.exists::<_, usize>(held(&reported)).expect("an answer"), 0);
    assert_eq!(redis.zcard::<_, usize>(READY).expect("an answer"), SOME);
    assert_eq!(alive(&mut redis, &reported), None, "that renewal may have been sent before the process died");
    assert_eq!(block_on(reported.renew()).expect("a renewal"), []);
    assert!(alive(&mut redis, &reported) > Some(0.0), "it lives, and may claim again");
    let details = block_on(transport.details_of(claimed[0].claim.task)).expect("a record");
    assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Pending, 1, 0));
    assert_eq!(ids(&claim_many(&reported, SOME)).len(), SOME);
}

#[test]
fn note_of_a_report_expires() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let reported = attach(&transport);
    let id = submit(&transport);
    claim(&reported);
    let note = format!("{{rhailib:worker-1}}:reported:{}", reported.instance());
    report_crash(&transport, &reported, &[id]);
    assert!((1..=3_600_000).contains(&redis.pttl::<_, i64>(&note).expect("an answer")));
    assert!(!redis.exists::<_, bool>(lost(&reported)).expect("an answer"), "no renewal takes the death back");
    block_on(reported.renew()).expect("a renewal");
    assert!(!redis.exists::<_, bool>(&note).expect("an answer"), "the first renewal deletes it");
}

#[test]
fn report_during_a_take_over_makes_its_deaths_stay() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let reported = attach(&transport);
    let tasks = submit_many(&transport, SOME);
    let claimed = claim_many(&reported, SOME);
    expire(&mut redis, "worker-1", &reported);
    block_on(transport.details_of(claimed[0].claim.task)).expect("a record"); // takes the first of them
    assert_eq!(alive(&mut redis, &reported), Some(0.0));
    let counted: usize = redis.hlen(lost(&reported)).expect("an answer");
    assert!((1..SOME).contains(&counted), "{counted}");
    report_crash(&transport, &reported, &[]);
    for _ in 0..2 {
        block_on(reported.renew()).expect("a renewal");
    }
    let records = block_on(transport.details(&tasks.into_iter().collect::<Vec<_>>())).expect("records");
    let deaths: u32 = records.into_iter().flatten().map(|record| record.deaths).sum();
    assert_eq!(deaths as usize, counted);
}

#[test]
fn late_renewal_takes_back_however_many_deaths_there_are() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_slow(&server);
    let (late, other) = (attach(&transport), attach(&transport));
    let _renewals = Renewals::of(&[&other]);
    let tasks = submit_many(&transport, SOME);
    // It will be the second death of half of them, one of which has an outcome by the time of the renewal.
    let twice: Vec<_> = tasks.iter().take(SOME / 2).collect();
    {
        let _renewals = Renewals::of(&[&late]);
        assert_eq!(ids(&claim_many(&late, SOME)), tasks);
        for id in &twice {
            let fields = [("deaths", "1"), ("more", "1")];
            let _: () = redis.hset_multiple(format!("rhailib:{id}"), &fields).expect("set");
        }
    }
    let zcard = |redis: &mut redis::Connection, key| redis.zcard::<_, usize>(key).expect("an answer");
    until("it is taken for dead", || {
        zcard(&mut redis, QUARANTINE) == twice.len() && zcard(&mut redis, READY) == SOME - twice.len()
    });
    let ended = format!("rhailib:{}", twice[0]);
    let _: () = redis.hset(&ended, "status", "completed").expect("set");

    let mut reported = block_on(late.renew()).expect("a renewal").into_iter().map(|claim| claim.task);
    assert!(reported.all(|id| tasks.contains(&id)));
    assert_eq!(zcard(&mut redis, QUARANTINE), 1, "the one that has an outcome, which the next claim drops");
    assert_eq!(zcard(&mut redis, READY), SOME - 1);
    assert_eq!(redis.exists::<_, usize>(lost(&late)).expect("an answer"), 0);
    for id in &tasks {
        let deaths: Option<u32> = redis.hget(format!("rhailib:{id}"), "deaths").expect("an answer");
        let expected = if id == twice[0] { 2 } else { u32::from(twice.contains(&id)) };
        assert_eq!(deaths, Some(expected));
    }
}

#[test]
fn lone_task_of_a_late_instance_is_blamed_no_more() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open_mortal(&server);
    let (late, other) = (attach(&transport), attach(&transport));
    let _renewals = Renewals::of(&[&other]);
    let id = submit(&transport);
    claim(&late);
    let outcome = transport.outcome(id);
    let claimed = claim(&other);
    assert_eq!((claimed.claim.task, claimed.deaths), (id, 1));
    let blamed = |redis: &mut redis::Connection| {
        redis.hget::<_, _, Option<u32>>(format!("rhailib:{id}"), "blamed").expect("an answer")
    };
    assert_eq!(blamed(&mut redis), Some(1));
    block_on(late.renew()).expect("a renewal");
    assert_eq!(blamed(&mut redis), Some(0));
    // The other was told of a death, and what it says of the outcome is not the truth any more.
    complete(&other, claimed.claim);
    let details = block_on(outcome).expect("an outcome");
    assert_eq!((details.status, details.deaths), (TaskStatus::Completed, 0));
}

#[test]
fn lone_instance_gets_its_tasks_back_with_its_renewal() {
    let server = RedisServer::start();
    let transport = open_slow(&server);
    let late = attach(&transport);
    let tasks = submit_many(&transport, SOME);
    {
        let _renewals = Renewals::of(&[&late]);
        claim_many(&late, SOME);
    }
    // Only a look takes the first of them, the renewal all the rest.
    until("one is taken", || {
        tasks.iter().take(1).any(|id| {
            block_on(transport.details_of(*id)).is_ok_and(|record| record.status == TaskStatus::Pending)
        }) || block_on(transport.queues()).expect("queues")[0].ready[1] > 0
    });
    let _renewals = Renewals::of(&[&late]);
    let claimed = claim_many(&late, SOME);
    assert_eq!(ids(&claimed), tasks);
    assert!(claimed.iter().all(|claimed| claimed.claim.delivery == 2));
}
