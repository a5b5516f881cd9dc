//! How lanes, and workers, share scripts that compute, calls that block their thread, and what one script dispatches;
//! over memory and over a local Redis server.
//!
//! Run it with `cargo bench --bench lanes`.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::join_all;
use rhai_dispatcher::task::Output;
use rhai_dispatcher::worker::RunningWorker;
use rhai_dispatcher::{EngineConfig, RhaiDispatcher, RhaiDispatcherBuilder, RhaiTaskDetails, RhaiWorker};
use rhai_dispatcher_test_redis::RedisServer;

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Computes for some ten milliseconds.
const COMPUTES: &str = "let sum = 0; for i in 0..200_000 { sum += i % 7; }";

/// How long a call of `block` holds its thread.
const BLOCK: Duration = Duration::from_millis(300);

/// How long workers get until they wait for tasks.
const SETTLE: Duration = Duration::from_millis(50);

/// Nothing takes as long.
const LONG: Duration = Duration::from_secs(120);

/// How often each figure is measured; it is the median.
const REPETITIONS: usize = 3;

fn main() {
    let server = RedisServer::start();
    for url in ["memory:lanes".to_owned(), server.url()] {
        let store = url.split(':').next().unwrap_or_default();
        for count in [2, 4, 16] {
            for (how, at_once) in [("at once", true), ("one by one", false)] {
                let (mut one, mut two, mut shares) = (Vec::new(), Vec::new(), Vec::new());
                for _ in 0..REPETITIONS {
                    one.push(run(&url, 1, count, COMPUTES, at_once).0);
                    let (took, share) = run(&url, 2, count, COMPUTES, at_once);
                    two.push(took);
                    shares.push(share);
                }
                let (one, two) = (median(one), median(two));
                println!(
                    "{store}: {count} scripts that compute, {how}: {one:.0?} on one lane, {two:.0?} on two: {:.2}; \
                     the busier lane ran {shares:?}",
                    two.as_secs_f64() / one.as_secs_f64()
                );
            }
        }
        let blocked = median((0..REPETITIONS).map(|_| run(&url, 2, 4, "block();", true).0).collect());
        println!("{store}: four calls that block {BLOCK:?} each, on two lanes: {blocked:.0?}");
        for (what, count, script) in [
            ("trivial scripts", 900, "me()".to_owned()),
            ("scripts that compute", 40, format!("{COMPUTES} me()")),
        ] {
            for _ in 0..REPETITIONS {
                let shares = dispatching(&url, count, &script);
                println!("{store}: {count} {what} of one script, on two workers with one lane: {shares:?}");
            }
        }
    }
}

/// How long scripts take, and how many the lane runs that runs most of them.
fn run(url: &str, lanes: usize, count: usize, script: &str, at_once: bool) -> (Duration, usize) {
    let (client, worker) = (client(url), worker(url, "computes", lanes, ""));
    let request = || client.new_play_request().worker_id("computes").script(format!("{script} lane()"));
    // Until the worker waits for tasks, with all its lanes.
    block_on(request().script("1").await_response()).expect("an answer");
    thread::sleep(SETTLE);
    let start = Instant::now();
    let ids: Vec<_> = match at_once {
        true => {
            block_on(join_all((0..count).map(|_| request().submit()))).into_iter().collect::<Result<_, _>>()
        }
        false => (0..count).map(|_| block_on(request().submit())).collect(),
    }
    .expect("they are accepted");
    let mut by_lane = BTreeMap::<String, usize>::new();
    for id in ids {
        let details = block_on(client.wait(id, LONG)).expect("an outcome");
        *by_lane.entry(output(details).to::<String>().expect("a name")).or_default() += 1;
    }
    let took = start.elapsed();
    block_on(worker.drain()).expect("it drains");
    (took, by_lane.into_values().max().unwrap_or(0))
}

/// How many of the scripts that one script dispatches each of two workers runs.
fn dispatching(url: &str, count: usize, script: &str) -> BTreeMap<String, usize> {
    let client = client(url);
    let workers =
        [worker(url, "children", 1, "a"), worker(url, "children", 1, "b"), worker(url, "parents", 1, "")];
    thread::sleep(SETTLE);
    let parent = format!(
        "let all = []; for i in 0..{count} {{ all.push(dispatch_async(\"children\", \
         #{{ script: `{script}`, timeout: 100 }})); }} \
         all.map(|one| await_result(one, 100))"
    );
    let request = client.new_play_request().worker_id("parents").script(parent).timeout(LONG);
    let all = output(block_on(request.await_response()).expect("an answer"));
    let mut shares = BTreeMap::new();
    for worker in all.to::<Vec<String>>().expect("names") {
        *shares.entry(worker).or_default() += 1;
    }
    for worker in workers {
        block_on(worker.drain()).expect("it drains");
    }
    shares
}

fn output(details: RhaiTaskDetails) -> Output {
    details.output.unwrap_or_else(|| panic!("{:?}", details.error))
}

/// A worker whose scripts know its name, and their lane's.
fn worker(url: &str, worker_id: &str, lanes: usize, name: &'static str) -> RunningWorker {
    let engine = EngineConfig::new().with_setup(move |engine| {
        engine.register_fn("me", move || name.to_owned());
        engine.register_fn("lane", || format!("{:?}", thread::current().id()));
        engine.register_fn("block", || thread::sleep(BLOCK));
    });
    let worker = RhaiWorker::builder(worker_id).url(url).threads(lanes).engine(engine).build();
    block_on(worker.expect("a good configuration").start()).expect("the store is there")
}

fn client(url: &str) -> RhaiDispatcher {
    let client = RhaiDispatcherBuilder::new().caller_id("bench").url(url);
    client.build().expect("a good configuration")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
