//! How many request-replies per second go through one server, and how long one takes, beside a
//! ping-pong of two hops over lists: `cargo run --release --example round_trips [SECONDS]`.
//!
//! Server, worker and dispatcher share the machine's cores; worker and dispatcher are two handles
//! with a thread of their own each.

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand};
use futures::executor::block_on;
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_core::{
    Completion, Consumer, Finish, InstanceSpec, Json, Outcome, Payload, Task, TaskLog, Transport,
    TransportExt, WorkerId,
};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;

fn main() {
    let only: Option<usize> = std::env::args().nth(2).and_then(|text| text.parse().ok());
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let time = Duration::from_secs(seconds);
    let server = RedisServer::start();
    let before = (server_cpu(&server), own_cpu());
    let ping_pong = ping_pong(&server, time);
    let each = |total: f64| total * 1e6 / (time.as_secs_f64() * 1e6 / ping_pong);
    println!(
        "ping-pong, two hops: {ping_pong:.1} µs; each takes {:.1} µs of the server, {:.1} µs of the clients",
        each(server_cpu(&server) - before.0),
        each(own_cpu() - before.1)
    );
    for outstanding in
        [1, 16, 128, 1_024].into_iter().filter(|outstanding| only.is_none_or(|only| only == *outstanding))
    {
        let before = (commands(&server), server_cpu(&server), own_cpu());
        let (count, rate, median) = round_trips(&server, outstanding, time);
        let each = |total: f64| total / count as f64;
        println!(
            "{outstanding:>5} outstanding: {rate:>7.0}/s, median {median:.1} µs ({:.2} of the ping-pong); each takes \
             {:.1} commands, {:.1} µs of the server, {:.1} µs of the clients",
            median / ping_pong,
            each((commands(&server) - before.0) as f64),
            each((server_cpu(&server) - before.1) * 1e6),
            each((own_cpu() - before.2) * 1e6),
        );
    }
    if only.is_some() {
        return;
    }
    let (rate, idle) = idle(&server);
    println!("idle: {rate:.1} commands/s; a task then takes {idle:.1} µs (median)");
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").expect("a name")
}

fn handle(server: &RedisServer) -> RedisTransport {
    RedisTransport::new(RedisConfig::new(server.unix_url())).expect("a valid config")
}

/// The commands that the server has carried out.
fn commands(server: &RedisServer) -> u64 {
    let info = server.command(&["INFO", "stats"]);
    let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
    line.and_then(|number| number.trim().parse().ok()).expect("a number")
}

/// The seconds of CPU that the server has used.
fn server_cpu(server: &RedisServer) -> f64 {
    let info = server.command(&["INFO", "cpu"]);
    let part = |name| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|number| number.trim().parse::<f64>().ok()).expect("a number")
    };
    part("used_cpu_sys:") + part("used_cpu_user:")
}

/// The seconds of CPU that this process has used.
fn own_cpu() -> f64 {
    /// Linux counts in these, whatever the kernel's own tick.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    (fields[11].parse::<f64>().expect("user") + fields[12].parse::<f64>().expect("system")) / TICKS_PER_SECOND
}

/// A worker on a thread of its own, until it is dropped.
struct Worker {
    stop: Arc<AtomicBool>,
    consumer: Arc<dyn Consumer>,
    threads: Vec<thread::JoinHandle<()>>,
    _transport: RedisTransport,
}

impl Worker {
    fn start(server: &RedisServer) -> Self {
        let transport = handle(server);
        let consumer = block_on(transport.attach(InstanceSpec::new(worker_id()))).expect("an instance");
        let stop = Arc::new(AtomicBool::new(false));
        let renewing = (Arc::clone(&consumer), Arc::clone(&stop));
        let running = (Arc::clone(&consumer), Arc::clone(&stop));
        let threads = vec![
            thread::spawn(move || {
                let (consumer, stop) = renewing;
                while !stop.load(Ordering::Relaxed) {
                    block_on(consumer.renew()).expect("a renewal");
                    thread::park_timeout(consumer.lease() / 3);
                }
            }),
            thread::spawn(move || block_on(work(&*running.0, &running.1))),
        ];
        Self { stop, consumer, threads, _transport: transport }
    }
}

/// As a lane does it: claims, runs at once, and finishes together what was claimed together.
async fn work(consumer: &dyn Consumer, stop: &AtomicBool) {
    let output = Outcome::Completed(Json::parse("42").expect("JSON").into());
    let mut finishing = FuturesUnordered::new();
    let mut claim = consumer.claim(NonZeroUsize::new(128).expect("more than none"));
    while !stop.load(Ordering::Relaxed) {
        futures::select! {
            claimed = futures::FutureExt::fuse(&mut claim) => {
                let Ok(claimed) = claimed else { return };
                claim = consumer.claim(NonZeroUsize::new(128).expect("more than none"));
                let done: Vec<_> = claimed
                    .into_iter()
                    .map(|claimed| Completion {
                        claim: claimed.claim,
                        finish: Finish::Outcome(output.clone()),
                        log: TaskLog::new(),
                    })
                    .collect();
                finishing.push(async move {
                    for answer in consumer.finish(&done).await {
                        answer.expect("finished");
                    }
                });
            }
            _ = finishing.select_next_some() => {}
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        block_on(self.consumer.detach()).expect("detached");
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            thread.join().expect("it does not panic");
        }
    }
}

async fn call(transport: &RedisTransport) -> Duration {
    let mut task = Task::new(worker_id(), Payload::script("40 + 2"), "caller");
    task.awaited = true;
    task.expires_in = Some(Duration::from_secs(30));
    let start = Instant::now();
    let id = transport.submit_one(task).await.expect("accepted").task_id();
    transport.outcome(id).await.expect("an outcome");
    start.elapsed()
}

fn round_trips(server: &RedisServer, outstanding: usize, time: Duration) -> (usize, f64, f64) {
    let _worker = Worker::start(server);
    let transport = handle(server);
    let mut times = Vec::new();
    let start = Instant::now();
    block_on(async {
        let mut calls: FuturesUnordered<_> = (0..outstanding).map(|_| call(&transport)).collect();
        while let Some(taken) = calls.next().await {
            times.push(taken);
            if start.elapsed() < time {
                calls.push(call(&transport));
            }
        }
    });
    (times.len(), times.len() as f64 / start.elapsed().as_secs_f64(), median(&mut times))
}

fn idle(server: &RedisServer) -> (f64, f64) {
    const IDLE: Duration = Duration::from_secs(10);
    let _worker = Worker::start(server);
    let transport = handle(server);
    block_on(call(&transport));
    thread::sleep(Duration::from_secs(3));
    let before = commands(server);
    thread::sleep(IDLE);
    let rate = (commands(server) - before) as f64 / IDLE.as_secs_f64();
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            thread::sleep(Duration::from_secs(3));
            block_on(call(&transport))
        })
        .collect();
    (rate, median(&mut times))
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// LPUSH, BLPOP, LPUSH, BLPOP on four connections, and a thread for each side.
fn ping_pong(server: &RedisServer, time: Duration) -> f64 {
    let count = Arc::new(AtomicU64::new(0));
    let url = server.unix_url();
    let side = |from: &'static str, to: &'static str, begins: bool| {
        let (url, count) = (url.clone(), Arc::clone(&count));
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let config = fred::types::config::Config::from_url(&url).expect("a URL");
                let [push, pop] = [
                    fred::clients::Client::new(config.clone(), None, None, None),
                    fred::clients::Client::new(config, None, None, None),
                ];
                push.init().await.expect("a connection");
                pop.init().await.expect("a connection");
                let lpush = || {
                    push.custom::<i64, _>(
                        CustomCommand::new_static("LPUSH", ClusterHash::FirstKey, false),
                        vec![to, "x"],
                    )
                };
                if begins {
                    lpush().await.expect("pushed");
                }
                let start = Instant::now();
                while start.elapsed() < time {
                    let blpop = CustomCommand::new_static("BLPOP", ClusterHash::FirstKey, false);
                    let popped: Option<Vec<String>> =
                        pop.custom(blpop, vec![from, "1"]).await.expect("popped");
                    if popped.is_none() {
                        break;
                    }
                    lpush().await.expect("pushed");
                    if begins {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                time.as_secs_f64() * 1e6 / count.load(Ordering::Relaxed) as f64
            })
        })
    };
    let (a, b) = (side("ping", "pong", true), side("pong", "ping", false));
    b.join().expect("it does not panic");
    a.join().expect("it does not panic")
}
