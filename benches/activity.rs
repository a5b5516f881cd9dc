//! How soon the activity of a worker id can be read after a million tasks have ended on a local Redis server: pages of it
//! with filters, and its errors in groups. The tasks are calls of a method that fails now and then, so the log is written as
//! it always is.
//!
//! Run it with `cargo bench --bench activity --features handlers`; `--quick` takes 50,000 tasks. It fails if a read takes more
//! than 200 ms, or if the log has more entries than it may have.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::future::IntoFuture;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use rhai_dispatcher::activity::{ActivityFilter, ActivityRange};
use rhai_dispatcher::handlers::MethodHandler;
use rhai_dispatcher::transport::TransportConfig;
use rhai_dispatcher::{RhaiDispatcher, RhaiWorker, TaskStatus, WorkerId};
use rhai_dispatcher_test_redis::RedisServer;

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many calls are under way at any time.
const OUTSTANDING: usize = 1_024;

/// One of so many calls fails.
const FAILS: usize = 50;

/// How often each read is repeated.
const READS: usize = 20;

/// The longest that a read may take.
const REQUIRED: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let tasks = if std::env::args().any(|arg| arg == "--quick") { 50_000 } else { 1_000_000 };
    let server = RedisServer::start();
    let url = server.url();
    let shop = MethodHandler::new("shop").with_method("buy", |(number,): (usize,)| async move {
        match number % FAILS {
            0 => Err(format!("item {number} of \"{}\" is sold out", number % 7)),
            rest => Ok(rest),
        }
    });
    let worker = RhaiWorker::builder("shop").url(&url).threads(1).handler(shop);
    let worker = block_on(worker.build().expect("a worker").start()).expect("it starts");
    let client = RhaiDispatcher::builder().caller_id("bench").url(&url).build().expect("a client");

    let start = Instant::now();
    let call = |number: usize| client.call("shop.buy").worker_id("shop").params([number]).await_response();
    let calls = stream::iter(0..tasks).map(call).buffer_unordered(OUTSTANDING);
    let failed = block_on(calls.fold(0, |failed, answer| async move {
        failed + usize::from(answer.expect("an answer").status == TaskStatus::Error)
    }));
    let seconds = start.elapsed().as_secs_f64();
    println!("{tasks} tasks, of which {failed} failed, in {seconds:.1} s");
    block_on(worker.drain()).expect("it drains"); // all of the activity is written then

    let most = TransportConfig::default().max_activity;
    let kept = block_on(count(&client));
    println!("the log has {kept} entries, and may have {most}");
    let mut is_enough = kept <= most && kept > most / 2;
    for filter in ["", "status:error", "status:error \"sold out\" slower:0s", "nothing-has-this"] {
        is_enough &= measure(&format!("activity {filter:?}"), || {
            let page = block_on(client.activity(parse(filter)).into_future()).expect("a page");
            page.entries.len()
        });
    }
    is_enough &= measure("errors", || block_on(client.errors(parse(""))).expect("errors").groups.len());
    if is_enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(filter: &str) -> ActivityFilter {
    filter.parse().expect("a filter")
}

/// How many entries the log has.
async fn count(client: &RhaiDispatcher) -> usize {
    let id = WorkerId::try_from("shop").expect("an id");
    let (mut count, mut before) = (0, None);
    loop {
        let range = ActivityRange::latest(1_000).with_before(before);
        let read = client.transport().activity(&id, range).await.expect("activity");
        count += read.entries.len();
        before = read.next;
        if before.is_none() {
            return count;
        }
    }
}

/// Whether each read is quick enough.
fn measure(what: &str, read: impl Fn() -> usize) -> bool {
    let mut times = Vec::with_capacity(READS);
    let mut found = 0;
    for _ in 0..READS {
        let start = Instant::now();
        found = read();
        times.push(start.elapsed());
    }
    times.sort();
    println!("{what}: {found} found; median {:.1?}, longest {:.1?}", times[READS / 2], times[READS - 1]);
    times[READS - 1] <= REQUIRED
}
