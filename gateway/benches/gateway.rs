//! What a gateway costs: calls of a method over its WebSocket beside the same calls by a dispatcher, over a local Redis
//! server, in turns within one run.
//!
//! Two goals: with 1,024 calls outstanding at least half the rate of the dispatcher; with one outstanding less than half the
//! time of a ping-pong over two lists of Redis added to that of the dispatcher. It fails if one is missed. The server, the
//! worker, the gateway and the clients are four processes that share the machine. Run it with
//! `cargo bench -p rhai-dispatcher-gateway --bench gateway`.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use futures::stream::FuturesUnordered;
use futures::{StreamExt, future};
use redis::{Commands, Connection};
use rhai_dispatcher::handlers::MethodHandler;
use rhai_dispatcher::transport::TokioBridge;
use rhai_dispatcher::{RhaiDispatcher, RhaiWorker};
use rhai_dispatcher_gateway::GatewayBuilder;
use rhai_dispatcher_gateway_client::{GatewayClient, GatewayClientBuilder};
use rhai_dispatcher_test_redis::RedisServer;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long each figure is measured for in a round.
const EACH: Duration = Duration::from_millis(1_500);
const ROUNDS: usize = 5;
const WIDE: usize = 1_024;
const METHOD: &str = "bench.add";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next().unwrap_or_default();
    let url = arguments.next().unwrap_or_default();
    match role.as_str() {
        "worker" => tokio_run(worker(url)),
        "echo" => echo(&url),
        "gateway" => one_worker().block_on(gateway(url)),
        _ => return tokio_run(compare()),
    }
    ExitCode::SUCCESS
}

async fn compare() -> ExitCode {
    let server = RedisServer::start();
    let url = server.url();
    let (_worker, _) = Process::start("worker", &url);
    let (_echo, _) = Process::start("echo", &url);
    let (gateway, address) = Process::start("gateway", &url);
    let direct = RhaiDispatcher::builder().caller_id("bench").url(&url).build().expect("a dispatcher");
    let client = GatewayClientBuilder::new(format!("ws://{address}")).connect().await.expect("a client");
    let mut lists = connect(&url);
    let idle = gateway.memory("VmRSS");

    // The first calls make what is kept: threads, connections, the directory of methods.
    for outstanding in [1, WIDE] {
        measure(outstanding, || by_dispatcher(&direct)).await;
        measure(outstanding, || by_gateway(&client)).await;
    }
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let ping_pong = ping_pong(&mut lists);
        let (_, direct_one) = measure(1, || by_dispatcher(&direct)).await;
        let (_, gateway_one) = measure(1, || by_gateway(&client)).await;
        let (direct_wide, _) = measure(WIDE, || by_dispatcher(&direct)).await;
        let (gateway_wide, median) = measure(WIDE, || by_gateway(&client)).await;
        println!(
            "round {round}: ping-pong {ping_pong:.1} µs; 1 outstanding: {direct_one:.1} µs direct, {gateway_one:.1} µs by the \
             gateway; {WIDE} outstanding: {direct_wide:.0}/s direct, {gateway_wide:.0}/s by the gateway (median {median:.0} µs)"
        );
        rounds.push(((gateway_one - direct_one) / ping_pong, gateway_wide / direct_wide));
    }
    let added = middle(rounds.iter().map(|round| round.0).collect());
    let rate = middle(rounds.iter().map(|round| round.1).collect());
    let (peak, now) = (gateway.memory("VmHWM"), gateway.memory("VmRSS"));
    println!("memory of the gateway: {idle} KiB idle, {now} KiB after it all, {peak} KiB at most");
    println!("1 outstanding: the gateway adds {added:.2} of a ping-pong (goal: below 0.50)");
    println!("{WIDE} outstanding: {rate:.2} of the rate of the dispatcher (goal: at least 0.50)");
    match added < 0.5 && rate >= 0.5 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn by_dispatcher(dispatcher: &RhaiDispatcher) -> Duration {
    let start = Instant::now();
    let details = dispatcher.call(METHOD).params((40, 2)).await.expect("the worker answers");
    assert_eq!(details.into_result::<i64>().expect("a number"), 42);
    start.elapsed()
}

async fn by_gateway(client: &GatewayClient) -> Duration {
    let start = Instant::now();
    assert_eq!(client.call::<_, i64>(METHOD, &(40, 2)).await.expect("the gateway answers"), 42);
    start.elapsed()
}

/// Keeps `outstanding` calls under way. The rate in calls per second, and the median time of one in microseconds.
async fn measure<F: Future<Output = Duration>>(
    outstanding: usize,
    mut call: impl FnMut() -> F,
) -> (f64, f64) {
    let start = Instant::now();
    let mut under_way: FuturesUnordered<F> = (0..outstanding).map(|_| call()).collect();
    let mut times = Vec::new();
    while start.elapsed() < EACH {
        times.extend(under_way.next().await.map(|time| time.as_secs_f64() * 1e6));
        under_way.push(call());
    }
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    under_way.for_each(|_| future::ready(())).await;
    (rate, middle(times))
}

/// The median time of a ping-pong in microseconds: one list to the process of [`echo`], and one back.
fn ping_pong(connection: &mut Connection) -> f64 {
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < EACH {
        let before = Instant::now();
        let _: usize = connection.rpush("ping", 1).expect("the server answers");
        let _: (String, u8) = connection.blpop("pong", 0.0).expect("the server answers");
        times.push(before.elapsed().as_secs_f64() * 1e6);
    }
    middle(times)
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The other side of the ping-pong; it ends with its parent.
fn echo(url: &str) {
    std::thread::spawn(|| {
        wait_for_end_of_input();
        std::process::exit(0);
    });
    let mut connection = connect(url);
    println!("ready");
    loop {
        let _: (String, u8) = connection.blpop("ping", 0.0).expect("the server answers");
        let _: usize = connection.rpush("pong", 1).expect("the server answers");
    }
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

/// The worker's process: one lane.
async fn worker(url: String) {
    let handler = MethodHandler::new("bench")
        .with_method("add", |Add { a, b }: Add| async move { Ok::<_, String>(a + b) });
    let worker = RhaiWorker::builder("bench").url(&url).threads(1).handler(handler).build();
    let running = worker.expect("a worker").start().await.expect("it starts");
    let dispatcher = RhaiDispatcher::builder().caller_id("bench").url(&url).build().expect("a dispatcher");
    while dispatcher.get_handlers().await.expect("handlers").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("ready");
    tokio::task::spawn_blocking(wait_for_end_of_input).await.expect("no panic");
    running.drain().await.expect("it drains");
}

/// The gateway's process, as `rhaid serve --no-worker` has it.
async fn gateway(url: String) {
    let dispatcher = RhaiDispatcher::builder().caller_id("bench").url(url);
    let dispatcher = dispatcher.bridge(TokioBridge::to(Handle::current())).build().expect("a dispatcher");
    let gateway = GatewayBuilder::new().dispatcher(dispatcher).build().expect("a gateway");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let shutdown = async {
        tokio::task::spawn_blocking(wait_for_end_of_input).await.expect("no panic");
    };
    gateway.serve(listener, shutdown).await.expect("it serves");
}

/// Another process of this program, until its input ends.
struct Process(Child);

impl Process {
    /// Starts it, and waits for the line that it prints when it is ready.
    fn start(role: &str, url: &str) -> (Self, String) {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        let child = command.args([role, url]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("another process");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        (Self(child), line.trim().to_owned())
    }

    /// A figure of `/proc/PID/status`, in KiB.
    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn wait_for_end_of_input() {
    let _ = std::io::stdin().read(&mut [0]);
}

fn connect(url: &str) -> Connection {
    redis::Client::open(url).and_then(|client| client.get_connection()).expect("the server is there")
}

fn tokio_run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// As `rhaid serve` has it by default.
fn one_worker() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}
