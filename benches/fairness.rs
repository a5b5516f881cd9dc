//! How long trivial scripts, and cancels, take on one lane with fifty scripts that burn the processor
//! without end: in empty loops, and in loops of the slow functions at their limits.
//!
//! Run it with `cargo bench --bench fairness`.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rhai_dispatcher::transport::{MemoryTransport, Transport, TransportConfig};
use rhai_dispatcher::worker::RunningWorker;
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherBuilder, RhaiWorker, TaskId, TaskStatus};

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BURNERS: usize = 50;
const PROBES: usize = 1_000;
const CANCELS: usize = 200;

/// What each kind burns the processor with, for ever.
const KINDS: [(&str, &str); 12] = [
    ("empty loops", "loop {}"),
    ("sort", "let a = []; for i in 0..9000 { a.push((i * 7919) % 9973); } loop { let b = a; b.sort(); }"),
    ("split", r#"let s = ``; s.pad(500000, `,`); loop { let parts = s.sub_string(0, 9000).split(`,`); }"#),
    (
        "parse_json",
        r#"let s = `{"a":[`; for i in 0..9000 { s += `1,`; } s += `1]}`; loop { let v = parse_json(s); }"#,
    ),
    ("==", "let a = []; for i in 0..9000 { a.push(i); } let b = a; loop { let same = a == b; }"),
    (
        "strings",
        r#"loop { let s = ``; for i in 0..500 { s += `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`; } }"#,
    ),
    (
        "text of long strings",
        r#"let s = ``; s.pad(5000, 'x'); let a = []; a.pad(90, 0); for i in 0..90 { a[i] = s; } loop { let t = `${a}`; }"#,
    ),
    (
        "to_json of shared values",
        r#"let x = #{}; for i in 0..10 { let p = x; let keep = || p; x = #{ a: p, b: p }; } loop { let t = x.to_json().len; }"#,
    ),
    ("a thrown circle", r#"let a = 0; a = || a; loop { try { throw [a, a]; } catch (e) { let b = [e]; } }"#),
    (
        "index assignments",
        r#"let a = []; a.pad(9000, 0); let m = #{a: a}; loop { for i in 0..9000 { a[i] = i; m.a[i] = [i]; } }"#,
    ),
    ("deep values", r#"loop { let x = 0; for i in 0..20000 { let p = x; x = || p; } }"#),
    ("all of them", ""),
];

fn main() {
    for (kind, script) in KINDS {
        let scripts: Vec<&str> = match script {
            "" => KINDS.iter().map(|(_, script)| *script).filter(|script| !script.is_empty()).collect(),
            script => vec![script],
        };
        measure(kind, &scripts);
    }
    compiling();
}

fn measure(kind: &str, scripts: &[&str]) {
    let (client, worker) = client();
    let script = |n: usize| scripts[n % scripts.len()];
    let burners: Vec<TaskId> = (0..BURNERS).map(|n| submit(&client, script(n))).collect();
    for id in &burners {
        running(&client, *id);
    }
    let probes = percentile_99((0..PROBES).map(|_| {
        thread::sleep(Duration::from_millis(2));
        probe(&client)
    }));
    let cancels = percentile_99((0..CANCELS).map(|n| {
        let id = submit(&client, script(n));
        running(&client, id);
        let start = Instant::now();
        block_on(client.cancel(id)).expect("a cancel");
        let ended = block_on(client.wait(id, Duration::from_secs(60))).expect("an outcome");
        assert_eq!(ended.status, TaskStatus::Cancelled);
        start.elapsed()
    }));
    for id in &burners {
        let details = block_on(client.status(*id)).expect("a record");
        assert_eq!(details.status, TaskStatus::Processing, "it burns without end: {:?}", details.error);
        block_on(client.cancel(*id)).expect("a cancel");
    }
    // Else its lane would burn on beside the next kind's.
    block_on(worker.drain()).expect("it drains");
    println!(
        "{BURNERS} x {kind}: 99 % of {PROBES} trivial scripts within {probes:.1?}, of {CANCELS} cancels within {cancels:.1?}"
    );
}

/// Scripts as long as they may be, each new to the lane.
fn compiling() {
    let (client, worker) = client();
    let probes = percentile_99((0..PROBES / 10).map(|n| {
        let body = format!("let x{n} = [1, 2, 3].len() + 4 * 5; ");
        let script = body.repeat(250 * 1024 / body.len());
        let id = submit(&client, &script);
        let took = probe(&client);
        block_on(client.wait(id, Duration::from_secs(60))).expect("an outcome");
        took
    }));
    block_on(worker.drain()).expect("it drains");
    println!("beside a new script of 250 KiB: 99 % of {} trivial scripts within {probes:.1?}", PROBES / 10);
}

/// A dispatcher, and a worker with one lane.
fn client() -> (RhaiDispatcher, RunningWorker) {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::from(TransportConfig::default()));
    let worker = RhaiWorker::builder("worker-1").transport(Arc::clone(&transport)).threads(1);
    let running = block_on(worker.build().expect("a good configuration").start()).expect("it starts");
    let client = RhaiDispatcherBuilder::new().caller_id("bench").transport(transport);
    (client.build().expect("a good configuration"), running)
}

fn submit(client: &RhaiDispatcher, script: &str) -> TaskId {
    block_on(client.new_play_request().worker_id("worker-1").script(script).submit()).expect("accepted")
}

fn running(client: &RhaiDispatcher, id: TaskId) {
    while block_on(client.status(id)).expect("a record").status == TaskStatus::Pending {
        thread::sleep(Duration::from_micros(200));
    }
}

/// How long a trivial script takes.
fn probe(client: &RhaiDispatcher) -> Duration {
    let start = Instant::now();
    let request = client.new_play_request().worker_id("worker-1").script("40 + 2");
    let output = block_on(request.await_response()).expect("an answer").output;
    assert_eq!(output.expect("an output").to_string(), "42");
    start.elapsed()
}

fn percentile_99(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
