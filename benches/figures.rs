//! What the figures of methods and the activity cost: calls of a method of a worker that has them, beside the same calls of
//! one that has neither, at saturation, over memory and over a local Redis server. Both workers run in one process, and are
//! called by turns.
//!
//! Run it with `cargo bench --bench figures --features handlers`; `--quick` takes fewer rounds. It fails if the figures take
//! more than 2 % of the throughput, the activity more than 1 %, or both together more than 3 %; or if two workers that have
//! neither are more than 3 % apart, since the machine is too busy then to tell.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::process::ExitCode;
use std::time::Instant;

use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use rhai_dispatcher::handlers::MethodHandler;
use rhai_dispatcher::worker::{FiguresConfig, RunningWorker};
use rhai_dispatcher::{RhaiDispatcher, RhaiWorker};
use rhai_dispatcher_test_redis::RedisServer;

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many calls are under way at any time.
const OUTSTANDING: usize = 1_024;

/// How many calls a round makes: over Redis it takes longer than runs are gathered for, so that each worker sends its
/// activity in rounds of its own.
const CALLS: usize = 16 * OUTSTANDING;

/// What one of the workers has, and the least share of the throughput of the other one, which has none of it. That of
/// "neither" says how far two equal workers are apart on this machine.
const SUBJECTS: [Subject; 4] = [
    Subject { name: "neither", figures: false, activity: false, required: 0.97 },
    Subject { name: "figures", figures: true, activity: false, required: 0.98 },
    Subject { name: "activity", figures: false, activity: true, required: 0.99 },
    Subject { name: "both", figures: true, activity: true, required: 0.97 },
];

#[derive(Clone, Copy)]
struct Subject {
    name: &'static str,
    figures: bool,
    activity: bool,
    required: f64,
}

fn main() -> ExitCode {
    let rounds = if std::env::args().any(|arg| arg == "--quick") { 9 } else { 61 };
    let server = RedisServer::start();
    let mut is_enough = true;
    for url in ["memory:figures".to_owned(), server.url()] {
        for subject in SUBJECTS {
            is_enough &= measure(&url, subject, rounds);
        }
    }
    if is_enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the subject costs no more than it may.
fn measure(url: &str, subject: Subject, rounds: usize) -> bool {
    let store = url.split(':').next().unwrap_or_default();
    let Subject { name, figures, activity, required } = subject;
    let workers = [worker(url, "with", figures, activity), worker(url, "without", false, false)];
    let client = RhaiDispatcher::builder().caller_id("bench").url(url).build().expect("a client");
    for worker_id in ["with", "without"] {
        round(&client, worker_id); // the first calls make what later ones use
    }
    let (mut with, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..rounds {
        // Neither is always the first.
        let order = if number % 2 == 0 { ["with", "without"] } else { ["without", "with"] };
        let mut by_order = order.map(|worker_id| round(&client, worker_id));
        if number % 2 == 1 {
            by_order.reverse();
        }
        let [one, other] = by_order;
        with.push(one);
        without.push(other);
        ratios.push(one / other);
    }
    let handlers = block_on(client.get_handlers()).expect("handlers");
    let calls: u64 = handlers.iter().map(|one| one.figures.calls).sum();
    let logged = block_on(client.get_latest_activity()).expect("activity").len();
    let ratio = median(ratios);
    println!(
        "{store}, {name}: {:.0} calls/s with, {:.0} without; the median of the {rounds} ratios is {ratio:.4}; \
         {calls} counted so far, {logged} in the last page of the activity",
        median(with),
        median(without),
    );
    for worker in workers {
        block_on(worker.drain()).expect("it drains");
    }
    ratio >= required
}

fn worker(url: &str, worker_id: &str, counts: bool, logs: bool) -> RunningWorker {
    let math = MethodHandler::new("math")
        .with_method("add", |(a, b): (i64, i64)| async move { Ok::<_, String>(a + b) });
    let figures = FiguresConfig::default().with_counts(counts);
    let worker =
        RhaiWorker::builder(worker_id).url(url).threads(1).handler(math).figures(figures).activity(logs);
    block_on(worker.build().expect("a worker").start()).expect("it starts")
}

/// Calls per second.
fn round(client: &RhaiDispatcher, worker_id: &str) -> f64 {
    let start = Instant::now();
    let call = |_| client.call("math.add").worker_id(worker_id).params([40, 2]).await_response();
    let calls = stream::iter(0..CALLS).map(call).buffer_unordered(OUTSTANDING);
    block_on(calls.for_each(|answer| async {
        assert_eq!(answer.expect("an answer").into_result::<i64>().expect("a sum"), 42);
    }));
    CALLS as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
