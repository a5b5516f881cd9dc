//! Request-reply of a trivial script over a local Redis server, beside two yardsticks in the same run:
//! a ping-pong of two hops over lists, and a hand-written loop over streams that promises nothing.
//!
//! The server, the worker and the dispatcher are three processes that share the machine. Run it with
//! `cargo bench --bench redis`.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use fred::types::{ClusterHash, CustomCommand, Value};
use futures::executor::block_on;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, future};
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherBuilder, RhaiWorker};
use rhai_dispatcher_test_redis::RedisServer;

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long each figure is measured for.
const EACH: Duration = Duration::from_secs(4);
const WIDE: usize = 1_024;
/// How many entries the loop over streams takes at once.
const BATCH: usize = 128;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("worker") => return worker(&arguments.next().expect("a URL")),
        Some("echo") => return tokio_run(echo(arguments.next().expect("a URL"))),
        _ => {}
    }
    let server = RedisServer::start();
    let url = server.url();

    let ping_pong = tokio_run(ping_pong(url.clone()));
    println!("ping-pong of two hops (LPUSH, BLPOP, LPUSH, BLPOP): median {ping_pong:.1} µs");
    let mut echo = Process::start("echo", &url);
    let streams = tokio_run(streams_loop(url.clone()));
    echo.end();
    println!("loop over streams, {WIDE} outstanding, no promises: {streams:.0}/s");

    let mut worker = Process::start("worker", &url);
    let client =
        RhaiDispatcherBuilder::new().caller_id("bench").url(url).build().expect("a good configuration");
    request_reply(&client, 1, Duration::from_secs(1));
    let (_, one) = request_reply(&client, 1, EACH);
    println!("request-reply, 1 outstanding: median {one:.1} µs, {:.2} of the ping-pong", one / ping_pong);
    request_reply(&client, WIDE, Duration::from_secs(1));
    let (rate, median) = request_reply(&client, WIDE, EACH);
    println!(
        "request-reply, {WIDE} outstanding: {rate:.0}/s, {:.2} of the loop over streams (median {median:.0} µs)",
        rate / streams
    );
    worker.end();
}

/// The rate, and the median time of one in microseconds.
fn request_reply(client: &RhaiDispatcher, outstanding: usize, time: Duration) -> (f64, f64) {
    let (script, worker_id): (Arc<str>, Arc<str>) = ("40 + 2".into(), "worker-1".into());
    let request = || {
        let request = client.new_play_request().worker_id(Arc::clone(&worker_id)).script(Arc::clone(&script));
        async {
            let start = Instant::now();
            request.await_response().await.expect("the worker answers");
            start.elapsed()
        }
    };
    block_on(measure(outstanding, time, request))
}

/// Keeps `outstanding` of them under way for `time`.
async fn measure<F: Future<Output = Duration>>(
    outstanding: usize,
    time: Duration,
    mut request: impl FnMut() -> F,
) -> (f64, f64) {
    let start = Instant::now();
    let mut under_way: FuturesUnordered<F> = (0..outstanding).map(|_| request()).collect();
    let mut times = Vec::new();
    while start.elapsed() < time {
        times.extend(under_way.next().await);
        under_way.push(request());
    }
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    under_way.for_each(|_| future::ready(())).await;
    (rate, median(times))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// The worker's process: one lane.
fn worker(url: &str) {
    let worker = RhaiWorker::builder("worker-1").url(url).threads(1).build().expect("a good configuration");
    let running = block_on(worker.start()).expect("the server is there");
    wait_for_end_of_input();
    block_on(running.drain()).expect("it drains");
}

/// Another process of this program, until its input ends.
struct Process(Child);

impl Process {
    fn start(role: &str, url: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program).args([role, url]).stdin(Stdio::piped()).spawn();
        Self(child.expect("another process"))
    }

    fn end(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().expect("it was started");
    }
}

fn wait_for_end_of_input() {
    let _ = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
}

fn tokio_run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn connect(url: &str) -> Client {
    let client = Client::new(Config::from_url(url).expect("a URL"), None, None, None);
    client.init().await.expect("the server is there");
    client
}

async fn call(client: &Client, command: &'static str, words: &[&str]) -> Value {
    let words: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
    let command = CustomCommand::new_static(command, ClusterHash::FirstKey, false);
    client.custom(command, words).await.expect("the server answers")
}

/// Two clients, each with a connection to write and one to wait.
async fn ping_pong(url: String) -> f64 {
    let (write, wait) = (connect(&url).await, connect(&url).await);
    let (echo_write, echo_wait) = (connect(&url).await, connect(&url).await);
    let echo = tokio::spawn(async move {
        loop {
            call(&echo_wait, "BLPOP", &["ping", "0"]).await;
            call(&echo_write, "LPUSH", &["pong", "1"]).await;
        }
    });
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < EACH {
        let before = Instant::now();
        call(&write, "LPUSH", &["ping", "1"]).await;
        call(&wait, "BLPOP", &["pong", "0"]).await;
        times.push(before.elapsed());
    }
    echo.abort();
    median(times)
}

/// Sends requests into one stream and reads the answers from another; what is outstanding is sent
/// without waiting for the server's answer to each.
async fn streams_loop(url: String) -> f64 {
    let (write, read) = (connect(&url).await, connect(&url).await);
    let send = |count: usize| {
        let write = &write;
        async move {
            let calls = (0..count).map(|_| call(write, "XADD", &["requests", "*", "script", "40 + 2"]));
            future::join_all(calls).await;
        }
    };
    let batch = BATCH.to_string();
    let (mut received, mut last) = (0_usize, "0-0".to_owned());
    let start = Instant::now();
    send(WIDE).await;
    while start.elapsed() < EACH {
        let words = ["COUNT", &batch, "BLOCK", "1000", "STREAMS", "replies", &last];
        let (count, id) = entries(&call(&read, "XREAD", &words).await);
        let Some(id) = id.last().cloned() else { continue };
        received += count;
        last = id;
        future::join(call(&write, "XTRIM", &["replies", "MINID", &last]), send(count)).await;
    }
    received as f64 / start.elapsed().as_secs_f64()
}

/// The other side of it: reads requests in batches, answers, acknowledges.
async fn echo(url: String) {
    let (write, read) = (connect(&url).await, connect(&url).await);
    let end = tokio::task::spawn_blocking(wait_for_end_of_input);
    let batch = BATCH.to_string();
    let work = async {
        call(&write, "XGROUP", &["CREATE", "requests", "workers", "0", "MKSTREAM"]).await;
        loop {
            let words =
                ["GROUP", "workers", "echo", "COUNT", &batch, "BLOCK", "1000", "STREAMS", "requests", ">"];
            let (_, ids) = entries(&call(&read, "XREADGROUP", &words).await);
            if ids.is_empty() {
                continue;
            }
            let replies =
                future::join_all(ids.iter().map(|_| call(&write, "XADD", &["replies", "*", "output", "42"])));
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let (ack, del) =
                ([&["requests", "workers"], &ids[..]].concat(), [&["requests"], &ids[..]].concat());
            future::join3(replies, call(&write, "XACK", &ack), call(&write, "XDEL", &del)).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = end => {}
    }
}

/// How many entries of one stream an answer has, and their ids.
fn entries(answer: &Value) -> (usize, Vec<String>) {
    let list = |value: &Value| match value {
        Value::Array(values) => values.clone(),
        _ => Vec::new(),
    };
    // [[stream, [[id, fields], …]]]
    let stream = list(answer).into_iter().next().map(|stream| list(&stream)).unwrap_or_default();
    let ids: Vec<String> = stream
        .get(1)
        .map(list)
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| list(entry).first().and_then(Value::as_string))
        .collect();
    (ids.len(), ids)
}
