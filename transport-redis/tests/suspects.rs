//! Tasks of dead instances run alone.

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{self, Either};
use rhai_dispatcher_core::{Consumer, TaskStatus, TransportExt};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, complete, config, open, open_mortal, submit, until};

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
                thread::sleep(Duration::from_millis(100));
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

/// A handle with a lease that is short, but longer than what is not to wait for it; no suspect proves
/// itself there.
fn open_suspicious(server: &RedisServer) -> RedisTransport {
    let mut config = config(server);
    config.transport.lease = Duration::from_secs(2);
    config.transport.probation = Duration::from_secs(600);
    RedisTransport::new(config).expect("a valid config")
}

fn ten() -> NonZeroUsize {
    NonZeroUsize::new(10).expect("more than none")
}

/// Says in the name of an instance that it has waited for so many tasks since long ago.
fn order(server: &RedisServer, instance: &dyn Consumer, count: usize) {
    let order =
        "return redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>ddI4I1I1I1', 1, 1, ARGV[2], 1, 0, 1))";
    let (id, count) = (instance.instance().to_string(), count.to_string());
    let _ = server.command(&["EVAL", order, "1", "rhailib:{worker-1}:idle", &id, &count]);
}

#[test]
fn a_suspect_goes_to_a_free_instance_and_keeps_it_for_itself() {
    let server = RedisServer::start();
    let transport = open_suspicious(&server);
    let (busy, free) = (attach(&transport), attach(&transport));
    let _renewals = Renewals::of(&[&busy, &free]);
    submit(&transport);
    claim(&busy);
    let doomed = attach(&transport);
    let suspect = submit(&transport);
    assert_eq!(claim(&doomed).claim.task, suspect);
    drop(doomed);

    // Nobody else asks until the other is dead.
    let dead = || block_on(transport.details_of(suspect)).expect("a record").deaths == 1;
    until("the death is noticed", dead);
    let both = future::select(busy.claim(ten()), free.claim(ten()));
    let Either::Right((claimed, busy_waits)) = block_on(both) else {
        panic!("it went to an instance that holds another claim");
    };
    let claimed = claimed.expect("a claim");
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].claim.task, claimed[0].deaths, claimed[0].claim.delivery), (suspect, 1, 2));

    let free_waits = free.claim(ten());
    let (next, start) = (submit(&transport), Instant::now());
    let Either::Right((batch, free_waits)) = block_on(future::select(free_waits, busy_waits)) else {
        panic!("an instance with a suspect got company");
    };
    assert_eq!(batch.expect("a claim")[0].claim.task, next);
    assert!(start.elapsed() < Duration::from_secs(1), "it is told that it need not make room any more");
    complete(&free, claimed[0].claim);
    let last = submit(&transport);
    assert_eq!(block_on(free_waits).expect("a claim")[0].claim.task, last);
}

#[test]
fn a_busy_instance_ends_its_tasks_and_then_takes_the_suspect() {
    let server = RedisServer::start();
    let transport = open_suspicious(&server);
    let busy = attach(&transport);
    let _renewals = Renewals::of(&[&busy]);
    let plain = submit(&transport);
    let plain_claim = claim(&busy).claim;
    assert_eq!(plain_claim.task, plain);
    let doomed = attach(&transport);
    let suspect = submit(&transport);
    claim(&doomed);
    drop(doomed);
    let dead = || block_on(transport.details_of(suspect)).expect("a record").deaths == 1;
    until("the death is noticed", dead);
    // It gets no others now, so that it becomes free.
    let waits = busy.claim(ten());
    let later = submit(&transport);
    let waits = match block_on(future::select(
        waits,
        Box::pin(async { thread::sleep(Duration::from_millis(300)) }),
    )) {
        Either::Left((claimed, _)) => panic!("it got {claimed:?} before it was free"),
        Either::Right(((), waits)) => waits,
    };
    complete(&busy, plain_claim);
    let claimed = block_on(waits).expect("a claim");
    assert_eq!((claimed[0].claim.task, claimed.len()), (suspect, 1));
    complete(&busy, claimed[0].claim);
    assert_eq!(claim(&busy).claim.task, later);
    assert_eq!(block_on(transport.details_of(suspect)).expect("a record").status, TaskStatus::Completed);
}

#[test]
fn whoever_becomes_free_first_takes_the_suspect() {
    let server = RedisServer::start();
    let transport = open_suspicious(&server);
    let (one, two) = (attach(&transport), attach(&transport));
    let _renewals = Renewals::of(&[&one, &two]);
    let plain = [&one, &two].map(|busy| {
        submit(&transport);
        claim(busy).claim
    });
    let doomed = attach(&transport);
    let suspect = submit(&transport);
    claim(&doomed);
    drop(doomed);
    let mut waiting = [one.claim(ten()), two.claim(ten())];
    assert!(future::select_all(waiting.iter_mut()).now_or_never().is_none(), "both are busy");
    let runner = || server.command(&["HGET", "rhailib:{worker-1}:state", "runner"]);
    until("one makes room", || runner().contains('-'));
    let dead = || block_on(transport.details_of(suspect)).expect("a record").deaths == 1;
    until("the death is noticed", dead);
    thread::sleep(Duration::from_millis(300)); // both wait by now
    // The other one is not asked to make room, and has it first.
    let other = usize::from(runner().contains(&one.instance().to_string()));
    let start = Instant::now();
    complete([&one, &two][other], plain[other]);
    let claimed = block_on(&mut waiting[other]).expect("a claim");
    assert_eq!((claimed[0].claim.task, claimed.len()), (suspect, 1));
    assert!(start.elapsed() < Duration::from_secs(1), "it had to wait for its next look");
}

#[test]
fn what_a_dead_instance_never_got_counts_no_death() {
    let server = RedisServer::start();
    let transport = open_mortal(&server);
    let (dead, survivor) = (attach(&transport), attach(&transport));
    let _renewals = Renewals::of(&[&survivor]);
    // As if it had died while it waited: nobody reads the list on which it is given a task.
    order(&server, &*dead, 1);
    let id = submit(&transport);
    drop(dead);
    let claimed = claim(&survivor);
    assert_eq!((claimed.claim.task, claimed.claim.delivery, claimed.deaths), (id, 1, 0));
}

#[test]
fn a_dead_instance_is_given_no_more_than_its_share() {
    let server = RedisServer::start();
    let transport = open(&server);
    let (dead, survivor) = (attach(&transport), attach(&transport));
    // As if it had died while it waited, longer than anybody, and wanted ten.
    order(&server, &*dead, 10);
    let mut waiting = survivor.claim(ten());
    assert!((&mut waiting).now_or_never().is_none(), "there is nothing to claim");
    let idle = || server.command(&["HLEN", "rhailib:{worker-1}:idle"]);
    until("both wait", || idle().starts_with(":2"));
    submit(&transport);
    let second = submit(&transport);
    assert_eq!(block_on(waiting).expect("a claim")[0].claim.task, second);
}
