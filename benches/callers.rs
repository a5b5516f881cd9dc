//! Ten thousand scripts on one lane that each call a server in another process, which answers after a
//! second: how long until all are answered, and how late short sleeps wake meanwhile.
//!
//! Run it with `cargo bench --bench callers --features http`. It wants 10,000 descriptors and a few.

#![allow(clippy::print_stdout, reason = "it prints what it shows")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future;
use rhai_dispatcher::http::{HttpConfig, HttpModule, TokioBridge};
use rhai_dispatcher::transport::{MemoryTransport, Transport, TransportConfig};
use rhai_dispatcher::{EngineConfig, RhaiDispatcher, RhaiDispatcherBuilder, RhaiWorker};
use rhai_dispatcher_test_http::{Answer, TestServer};

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCRIPTS: usize = 10_000;
const PROBES: u32 = 1_000;
/// Threads that send them, so that one that is late does not delay the next.
const PROBERS: u32 = 16;
/// Probes start evenly across this time, from when the last script has begun.
const PROBED: Duration = Duration::from_millis(1_500);

fn main() {
    if std::env::args().any(|arg| arg == "serve") {
        let server = TestServer::start(|_| Answer::text("hello").with_delay(Duration::from_secs(1)));
        println!("{}", server.url("/"));
        // Until the parent closes the pipe.
        let _ = std::io::stdin().read_line(&mut String::new());
        return;
    }
    let program = std::env::current_exe().expect("a program has a path");
    let mut server = Command::new(program)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut url = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut url).expect("it says its URL");

    let http = HttpConfig::new().with_allowed_host("127.0.0.1".parse().expect("a host"));
    let http = HttpModule::new(http, TokioBridge::new()).expect("a client");
    let started = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&started);
    // The limit is as many by default, and the probes would wait for the first to end.
    let engine = EngineConfig::new().with_max_in_flight(SCRIPTS + PROBERS as usize);
    let engine = http.install(engine).with_setup(move |engine| {
        let counter = Arc::clone(&counter);
        engine.register_fn("begin", move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
    });
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::from(TransportConfig::default()));
    let worker =
        RhaiWorker::builder("worker-1").transport(Arc::clone(&transport)).threads(1).engine(engine.clone());
    let worker =
        block_on(worker.build().expect("a good configuration").start()).expect("memory has no failures");
    let client = RhaiDispatcherBuilder::new().caller_id("bench").transport(transport).engine(engine);
    let client = client.build().expect("a good configuration");
    let script: Arc<str> = format!("begin(); http_get(\"{}\", #{{retries: 0}}).status", url.trim()).into();
    let request =
        |script: &Arc<str>| client.new_play_request().worker_id("worker-1").script(Arc::clone(script));
    block_on(request(&script).await_response()).expect("the worker answers");
    started.store(0, Ordering::Relaxed);

    let start = Instant::now();
    let probers: Vec<_> = (0..PROBERS)
        .map(|prober| {
            let (client, started) = (client.clone(), Arc::clone(&started));
            thread::spawn(move || probe(&client, &started, prober))
        })
        .collect();
    let answers = block_on(future::join_all((0..SCRIPTS).map(|_| request(&script).await_response())));
    let took = start.elapsed();
    for answer in answers {
        let status: u16 = answer.expect("an answer").into_result().expect("the server answers");
        assert_eq!(status, 200);
    }
    println!(
        "{SCRIPTS} scripts that call a server of 1 s on one lane: all answered after {:.3} s",
        took.as_secs_f64()
    );
    let mut late: Vec<_> = probers.into_iter().flat_map(|prober| prober.join().expect("no panic")).collect();
    late.sort();
    let of = |percent: usize| late[(late.len() - 1) * percent / 100];
    println!(
        "{} sleeps of 1 ms while they wait and complete: late by {:?} (median), {:?} (99 %), {:?} (worst)",
        late.len(),
        of(50),
        of(99),
        of(100)
    );
    drop(worker);
    drop(server.stdin.take());
    server.wait().expect("it ends");
}

/// The part of one prober: once all scripts have begun, sleeps at even distances. How late each was.
fn probe(client: &RhaiDispatcher, started: &AtomicUsize, prober: u32) -> Vec<Duration> {
    while started.load(Ordering::Relaxed) < SCRIPTS {
        thread::sleep(Duration::from_millis(1));
    }
    let start = Instant::now();
    let probes = (prober..PROBES).step_by(PROBERS as usize).map(|number| {
        thread::sleep((start + PROBED * number / PROBES).saturating_duration_since(Instant::now()));
        let sent = Instant::now();
        let request = client.new_play_request().worker_id("worker-1").script("sleep(0.001)");
        block_on(request.await_response()).expect("an answer");
        sent.elapsed().saturating_sub(Duration::from_millis(1))
    });
    probes.collect()
}
