//! Ten thousand scripts that each sleep a second, on one lane: how long until all are answered, and
//! what a waiting one takes of memory.
//!
//! Run it with `cargo bench --bench sleepers`.

#![allow(clippy::print_stdout, reason = "it prints what it shows")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future;
use rhai_dispatcher::transport::{MemoryTransport, Transport, TransportConfig};
use rhai_dispatcher::{RhaiDispatcherBuilder, RhaiWorker};

/// As in `rhaid`: a task is made on one thread and dropped on another, which the system's allocator
/// makes both wait for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCRIPTS: usize = 10_000;

fn main() {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::from(TransportConfig::default()));
    let worker = RhaiWorker::builder("worker-1").transport(Arc::clone(&transport)).threads(1);
    let worker =
        block_on(worker.build().expect("a good configuration").start()).expect("memory has no failures");
    let client = RhaiDispatcherBuilder::new().caller_id("bench").transport(transport);
    let client = client.build().expect("a good configuration");
    let request = || client.new_play_request().worker_id("worker-1").script("sleep(1)");
    block_on(client.new_play_request().worker_id("worker-1").script("0").await_response())
        .expect("the worker answers");

    let before = resident_bytes();
    let start = Instant::now();
    // Looked at when most of them wait: after the last has started and before the first wakes.
    let peak = std::thread::spawn(|| {
        let mut peak = 0;
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            peak = peak.max(resident_bytes());
            std::thread::sleep(Duration::from_millis(5));
        }
        peak
    });
    let answers = block_on(future::join_all((0..SCRIPTS).map(|_| request().await_response())));
    let took = start.elapsed();
    for answer in answers {
        answer.expect("an answer").into_result::<()>().expect("sleep returns nothing");
    }
    let each = (peak.join().expect("no panic") - before) / SCRIPTS;
    println!("{SCRIPTS} scripts that sleep 1 s on one lane: all answered after {:.3} s", took.as_secs_f64());
    println!(
        "resident memory at its peak: {:.1} KiB for each, all that belongs to it included",
        each as f64 / 1024.0
    );
    drop(worker);
}

/// What this process has in memory, as Linux counts it.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a process has memory");
    let kib: usize = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib * 1024
}
