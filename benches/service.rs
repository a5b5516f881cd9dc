//! Typed calls within a process, beside a yardstick: a bare tokio channel whose messages bring a oneshot channel for
//! the reply, without deadlines, withdrawal or supervision. All of it on one thread, in one run, by turns.
//!
//! Run it with `cargo bench --bench service`; `--quick` takes fewer rounds. It fails if the service has less than 0.9 of
//! the yardstick's throughput.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Instant;

use rhai_dispatcher::service::{Requests, Service};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many calls are under way at any time.
const OUTSTANDING: [usize; 3] = [1, 64, 1_024];

const BACKLOG: usize = 1_024;

/// How many calls a round makes.
const CALLS: usize = 20_480;

/// The least share of the yardstick's throughput.
const REQUIRED: f64 = 0.9;

struct Adder;

impl Service for Adder {
    type Request = u64;
    type Response = u64;
    type Error = Infallible;
    type Config = ();
    type Output = ();

    async fn run(self, (): (), requests: Requests<Self>) {
        requests.answer_each((), async |(), number| Ok(number + 2)).await;
    }
}

type Message = (u64, oneshot::Sender<Result<u64, Infallible>>);

fn main() -> ExitCode {
    let rounds = if std::env::args().any(|arg| arg == "--quick") { 101 } else { 1_001 };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut enough = true;
    for outstanding in OUTSTANDING {
        let (mut typed, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            typed.push(measure(&runtime, outstanding, typed_calls));
            bare.push(measure(&runtime, outstanding, bare_channels));
            // Of rounds beside each other, since what else the machine does changes slowly.
            ratios.push(bare[bare.len() - 1] / typed[typed.len() - 1]);
        }
        let (typed, bare, ratio) = (median(typed), median(bare), median(ratios));
        println!(
            "{outstanding:>5} outstanding: a typed call {typed:.0} ns, bare channels {bare:.0} ns, \
             {ratio:.2} of their throughput"
        );
        enough &= ratio >= REQUIRED;
    }
    if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The nanoseconds of a call.
fn measure<F: Future<Output = ()>>(runtime: &Runtime, outstanding: usize, calls: fn(usize) -> F) -> f64 {
    let start = Instant::now();
    runtime.block_on(calls(outstanding));
    start.elapsed().as_secs_f64() * 1e9 / (CALLS / outstanding * outstanding) as f64
}

/// Tasks that each make one call after the other.
async fn typed_calls(outstanding: usize) {
    let (worker, caller) = Adder.start(BACKLOG, ());
    let worker = tokio::spawn(worker);
    let mut tasks = JoinSet::new();
    for _ in 0..outstanding {
        let caller = caller.clone();
        tasks.spawn(async move {
            for number in 0..CALLS as u64 / outstanding as u64 {
                assert_eq!(caller.send_request(number).await, Ok(number + 2));
            }
        });
    }
    drop(caller);
    tasks.join_all().await;
    worker.await.expect("the worker does not panic");
}

/// The same tasks, over channels.
async fn bare_channels(outstanding: usize) {
    let (sender, mut received) = mpsc::channel::<Message>(BACKLOG);
    let worker = tokio::spawn(async move {
        while let Some((number, reply)) = received.recv().await {
            let _ = reply.send(Ok(number + 2));
        }
    });
    let mut tasks = JoinSet::new();
    for _ in 0..outstanding {
        let sender = sender.clone();
        tasks.spawn(async move {
            for number in 0..CALLS as u64 / outstanding as u64 {
                let (reply, answer) = oneshot::channel();
                sender.send((number, reply)).await.expect("the worker lives");
                assert_eq!(answer.await, Ok(Ok(number + 2)));
            }
        });
    }
    drop(sender);
    tasks.join_all().await;
    worker.await.expect("the worker does not panic");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
