use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::join_all;
use rhai_dispatcher::RhaiWorker;
use rhai_dispatcher::TaskId;

use crate::site::Site;

/// How many tasks have ended and wait, unless `RHAID_DASHBOARD_TASKS` says so: of these 1 in 10 wait.
const TASKS: usize = 2_000;
/// Worker ids that the tasks are spread over: the activity of each has a bound.
const WORKERS: usize = 10;
/// The most that a page may have, in bytes.
const MAX_BYTES: usize = 200 * 1024;

/// `RHAID_DASHBOARD_TASKS=100000 cargo test -p rhaid --test dashboard many_tasks -- --nocapture` prints how long each page
/// takes with 100,000 tasks that have ended and 10,000 that wait.
#[test]
#[expect(clippy::print_stdout, reason = "its figures are for a person")]
fn pages_stay_small_with_many_tasks() {
    let tasks =
        std::env::var("RHAID_DASHBOARD_TASKS").map_or(TASKS, |tasks| tasks.parse().expect("a number"));
    let site = Site::start();
    let mut stops = Vec::new();
    let mut workers = Vec::new();
    for number in 0..WORKERS {
        let worker = RhaiWorker::builder(format!("busy-{number}")).url(site.redis.url()).threads(1).build();
        let (worker, stopped) = (worker.expect("a worker"), futures::channel::oneshot::channel::<()>());
        stops.push(stopped.0);
        workers
            .push(std::thread::spawn(move || block_on(worker.run(futures::FutureExt::map(stopped.1, drop)))));
    }
    let submit = |worker_id: String, count: usize| -> Vec<TaskId> {
        let request = |number: usize| {
            let script = if number.is_multiple_of(50) { "throw \"order 17 has no address\"" } else { "42" };
            let request = site.dispatcher.new_play_request().worker_id(worker_id.as_str()).script(script);
            request.script_name(format!("job-{}.rhai", number % 7))
        };
        let mut ids = Vec::new();
        for begin in (0..count).step_by(1_000) {
            let requests = (begin..count.min(begin + 1_000)).map(request).collect();
            let submitted = block_on(site.dispatcher.submit_many(requests)).expect("answers");
            ids.extend(submitted.into_iter().map(|id| id.expect("an id")));
        }
        ids
    };
    let ids: Vec<_> =
        (0..WORKERS).flat_map(|number| submit(format!("busy-{number}"), tasks / WORKERS)).collect();
    for ids in ids.chunks(1_000) {
        let ends = ids.iter().map(|id| site.dispatcher.wait(*id, Duration::from_secs(600)));
        block_on(join_all(ends)).into_iter().for_each(|end| drop(end.expect("an end")));
    }
    submit("closed".to_owned(), tasks / 10);
    let last = ids.last().expect("a task");
    let pages = [
        "/",
        "/tasks",
        "/tasks?q=status:error",
        "/tasks?q=worker:closed",
        "/tasks?q=nothing-like-that",
        "/tasks/bulk?action=cancel&q=worker:closed",
        &format!("/tasks/{last}"),
        "/errors",
        "/errors?since=24h",
        "/queues",
        "/handlers",
        "/handlers/main/shop",
        "/methods/main/shop.price",
        "/playground",
        "/audit",
    ];
    for page in pages {
        // The first reading of the minutes before is made once for all pages.
        let (mut best, mut worst) = (Duration::MAX, Duration::ZERO);
        let mut bytes = 0;
        for _ in 0..5 {
            let begun = Instant::now();
            let response = site.get(page);
            let time = begun.elapsed();
            (best, worst) = (best.min(time), worst.max(time));
            assert_eq!(response.status, 200, "{page}: {}", response.body);
            assert!(response.body.len() < MAX_BYTES, "{page} has {} bytes", response.body.len());
            bytes = response.body.len();
        }
        println!("{page:50} {bytes:>7} bytes, {best:>10.1?} to {worst:>10.1?}");
    }
    drop(stops);
    for worker in workers {
        worker.join().expect("it ends").expect("it drains");
    }
}
