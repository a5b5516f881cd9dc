//! How soon tasks can be found after a million of them have ended on a local Redis server, over ten worker ids, and while
//! 100,000 wait: pages of the activity and of the list of tasks with filters, and errors in groups. The tasks are calls of a
//! method that fails now and then, so the log is written as it always is.
//!
//! Run it with `cargo bench --bench activity --features handlers`; `--quick` takes 50,000 tasks, and `--waiting=N` another
//! number that wait. It fails if a page takes more than 200 ms, or if a log has more entries than it may have.

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

/// The worker ids that the tasks are spread over.
const SHOPS: usize = 10;

/// How many tasks wait for a worker id without a worker.
const WAITING: usize = 100_000;

fn main() -> ExitCode {
    let tasks = if std::env::args().any(|arg| arg == "--quick") { 50_000 } else { 1_000_000 };
    let waiting = std::env::args().find_map(|arg| arg.strip_prefix("--waiting=")?.parse().ok());
    let waiting = waiting.unwrap_or(WAITING);
    let server = RedisServer::start();
    let url = server.url();
    let start_shop = |number: usize| {
        let shop = MethodHandler::new("shop").with_method("buy", |(number,): (usize,)| async move {
            match number / SHOPS % FAILS {
                0 => Err(format!("item {number} of \"{}\" is sold out", number % 7)),
                rest => Ok(rest),
            }
        });
        let worker = RhaiWorker::builder(format!("shop-{number}")).url(&url).threads(1).handler(shop);
        block_on(worker.build().expect("a worker").start()).expect("it starts")
    };
    let workers: Vec<_> = (0..SHOPS).map(start_shop).collect();
    let client = RhaiDispatcher::builder().caller_id("bench").url(&url).build().expect("a client");

    let start = Instant::now();
    let call = |number: usize| {
        client
            .call("shop.buy")
            .worker_id(format!("shop-{}", number % SHOPS))
            .params([number])
            .await_response()
    };
    let calls = stream::iter(0..tasks).map(call).buffer_unordered(OUTSTANDING);
    let failed = block_on(calls.fold(0, |failed, answer| async move {
        failed + usize::from(answer.expect("an answer").status == TaskStatus::Error)
    }));
    let seconds = start.elapsed().as_secs_f64();
    println!("{tasks} tasks, of which {failed} failed, in {seconds:.1} s");
    for worker in workers {
        block_on(worker.drain()).expect("it drains"); // all of the activity is written then
    }
    for begin in (0..waiting).step_by(1_000) {
        let request = |_| client.new_play_request().worker_id("closed").script("42").script_name("job.rhai");
        let requests = (begin..waiting.min(begin + 1_000)).map(request).collect();
        let submitted = block_on(client.submit_many(requests)).expect("answers");
        assert!(submitted.iter().all(Result::is_ok), "each is accepted");
    }

    let most = TransportConfig::default().max_activity;
    let mut is_enough = true;
    for number in 0..SHOPS {
        let kept = block_on(count(&client, &format!("shop-{number}")));
        println!("the log of shop-{number} has {kept} entries, and may have {most}");
        is_enough &= kept <= most && kept >= most.min(tasks / SHOPS) / 2;
    }
    for filter in FILTERS {
        is_enough &= measure(&format!("tasks {filter:?}"), || {
            let page = block_on(client.task_list(parse(filter)).limit(50).into_future()).expect("a page");
            page.tasks.len()
        });
    }
    for filter in FILTERS {
        is_enough &= measure(&format!("activity {filter:?}"), || {
            let page = block_on(client.activity(parse(filter)).into_future()).expect("a page");
            page.entries.len()
        });
    }
    is_enough &= measure("errors", || block_on(client.errors(parse(""))).expect("errors").groups.len());
    if is_enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is looked for.
const FILTERS: [&str; 7] = [
    "",
    "status:error",
    "status:error \"sold out\" slower:0s",
    "worker:shop-3",
    "caller:another",
    "nothing-has-this",
    "status:completed nothing-has-this",
];

fn parse(filter: &str) -> ActivityFilter {
    filter.parse().expect("a filter")
}

/// How many entries the log of a worker id has.
async fn count(client: &RhaiDispatcher, worker_id: &str) -> usize {
    let id = WorkerId::try_from(worker_id).expect("an id");
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
