//! What a worker and a dispatcher with nothing to do ask of Redis, and how soon a task starts that is
//! submitted after they had nothing to do for a minute.
//!
//! It takes a little more than two minutes. Run it with `cargo bench --bench idle`.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::executor::block_on;
use rhai_dispatcher::{EngineConfig, RhaiDispatcher, RhaiDispatcherBuilder, RhaiWorker};
use rhai_dispatcher_test_redis::RedisServer;

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(60);

/// How many workers and dispatchers are idle side by side for the second figure: each gives one
/// sample, and all of them one median.
const PAIRS: usize = 25;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("workers") {
        let count = arguments.next().and_then(|count| count.parse().ok()).expect("a number");
        return workers(count, &arguments.next().expect("a URL"));
    }

    let server = RedisServer::start();
    let pairs = Pairs::start(&server, 1);
    let mut sent = Commands::watch(&server);
    thread::sleep(IDLE);
    let (by_clients, in_scripts) = sent.count();
    pairs.end();
    let per_second = |count: usize| count as f64 / IDLE.as_secs_f64();
    println!(
        "a worker and a dispatcher, idle: {:.1} commands/s sent to Redis; {:.1}/s with those inside scripts",
        per_second(by_clients),
        per_second(by_clients + in_scripts)
    );

    let pairs = Pairs::start(&server, PAIRS);
    thread::sleep(IDLE);
    let (mut starts, mut answers): (Vec<_>, Vec<_>) =
        (0..PAIRS).map(|pair| pairs.request_reply(pair)).unzip();
    pairs.end();
    for (what, times) in [("starts", &mut starts), ("is answered", &mut answers)] {
        times.sort_unstable();
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "a task submitted after {} s of nothing {what}, {PAIRS} samples: median {:.2} ms, longest {:.2} ms",
            IDLE.as_secs(),
            millis(times[PAIRS / 2]),
            millis(times[PAIRS - 1])
        );
    }
}

/// Dispatchers, and as many workers in another process, each pair with a worker id of its own.
struct Pairs {
    clients: Vec<RhaiDispatcher>,
    workers: Child,
}

impl Pairs {
    /// Starts them, and lets each run one task.
    fn start(server: &RedisServer, count: usize) -> Self {
        let program = std::env::current_exe().expect("this program");
        let args = ["workers".to_owned(), count.to_string(), server.url()];
        let workers = Command::new(program).args(args).stdin(Stdio::piped()).spawn();
        let client = || RhaiDispatcherBuilder::new().caller_id("bench").url(server.url()).build();
        let clients = (0..count).map(|_| client().expect("a good configuration")).collect();
        let pairs = Self { clients, workers: workers.expect("another process") };
        for pair in 0..count {
            pairs.request_reply(pair);
        }
        pairs
    }

    /// How long it took until the script ran, and until its answer was there.
    fn request_reply(&self, pair: usize) -> (Duration, Duration) {
        let request = self.clients[pair].new_play_request().worker_id(worker_id(pair)).script("micros()");
        let submitted = micros();
        let details = block_on(request.await_response()).expect("the worker answers");
        let answered = micros();
        let started: i64 = details.output.expect("the time").to_string().parse().expect("a number");
        let since = |time: i64| Duration::from_micros(u64::try_from(time - submitted).unwrap_or(0));
        (since(started), since(answered))
    }

    fn end(mut self) {
        drop(self.workers.stdin.take());
        self.workers.wait().expect("it was started");
    }
}

/// The time that the processes of one machine share, in microseconds.
fn micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
    i64::try_from(now.as_micros()).expect("it is not that late")
}

fn worker_id(pair: usize) -> String {
    format!("worker-{pair}")
}

/// The workers' process, until its input ends.
fn workers(count: usize, url: &str) {
    let start = |pair| {
        let engine = EngineConfig::new().with_setup(|engine| {
            engine.register_fn("micros", micros);
        });
        let worker = RhaiWorker::builder(worker_id(pair)).url(url).threads(1).engine(engine).build();
        block_on(worker.expect("a good configuration").start()).expect("the server is there")
    };
    let running: Vec<_> = (0..count).map(start).collect();
    let _ = std::io::stdin().read(&mut [0]);
    for worker in running {
        block_on(worker.drain()).expect("it drains");
    }
}

/// All that a server is asked, as it says it itself (MONITOR).
struct Commands(BufReader<UnixStream>);

impl Commands {
    /// From now on.
    fn watch(server: &RedisServer) -> Self {
        let mut stream = UnixStream::connect(server.socket()).expect("the server is there");
        stream.write_all(b"MONITOR\r\n").expect("it listens");
        let mut lines = BufReader::new(stream);
        lines.read_line(&mut String::new()).expect("it agrees");
        Self(lines)
    }

    /// How many commands clients have sent until now, and how many their scripts have called.
    fn count(&mut self) -> (usize, usize) {
        /// A read that waits this long has got all: the server writes what was asked at once.
        const PAUSE: Duration = Duration::from_millis(10);
        self.0.get_ref().set_read_timeout(Some(PAUSE)).expect("a timeout");
        let (mut by_clients, mut in_scripts) = (0, 0);
        let mut line = Vec::new();
        while self.0.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            // The time, then in brackets the database and the client.
            let client = line.split(|byte| *byte == b']').next().unwrap_or_default();
            *if client.ends_with(b" lua") { &mut in_scripts } else { &mut by_clients } += 1;
            line.clear();
        }
        (by_clients, in_scripts)
    }
}
