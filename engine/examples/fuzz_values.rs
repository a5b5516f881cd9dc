//! Runs random scripts for a while, and tells which of them held the lane, took memory or made a function panic.
//!
//! `cargo xtask fuzz` starts it, and tells which script it ran if it dies:
//! `fuzz_values SECONDS SEED FOLDER` writes each script to `FOLDER/script.rhai` before it runs it.

#![allow(clippy::print_stdout, reason = "it prints what it finds")]
#![allow(unsafe_code, reason = "the time that a thread computes is told by libc only")]
#![allow(clippy::unwrap_used, reason = "a panic is how it fails")]

use std::alloc::System;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rhai_dispatcher_core::{
    Claim, Claimed, Handler, InstanceId, Outcome, Payload, Ran, Run, StopToken, SystemClock, Task,
    TaskErrorKind, Transport, TransportConfig, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler, ScriptAllocator};
use rhai_dispatcher_memory::MemoryTransport;

#[path = "../tests/support/grammar.rs"]
mod grammar;

#[global_allocator]
static ALLOCATOR: ScriptAllocator<System> = ScriptAllocator::new(System);

/// The longest that a script may hold its lane.
const MAX_HELD: Duration = Duration::from_millis(50);
/// How much more memory the process may have than before the first script, in KiB.
const MAX_GROWTH: u64 = 256 * 1024;

fn main() {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().expect("SECONDS SEED FOLDER");
    let (seconds, seed, folder) = (next().parse().unwrap(), next().parse::<u64>().unwrap(), next());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);

    let handler = RhaiHandler::new(&config());
    let before = peak_memory();
    let (mut scripts, mut faults, mut longest) = (0_u64, 0_u64, Duration::ZERO);
    let mut kinds = std::collections::BTreeMap::<String, u64>::new();
    while Instant::now() < end {
        let script = grammar::script().new_tree(&mut runner).unwrap().current();
        std::fs::write(Path::new(&folder).join("script.rhai"), &script).unwrap();
        let (ran, held) = run(&handler, &script);
        scripts += 1;
        longest = longest.max(held);
        let kind = match &ran {
            Ran::Finished(Outcome::Error(error), _) => error.kind.to_string(),
            Ran::Finished(Outcome::Completed(_), _) => "completed".to_owned(),
            other => format!("{other:.40?}"),
        };
        *kinds.entry(kind).or_default() += 1;
        let fault = match &ran {
            Ran::Finished(Outcome::Error(error), _) if error.kind == TaskErrorKind::Panic => {
                Some(error.to_string())
            }
            _ if held > MAX_HELD => Some(format!("it held the lane for {held:.1?}")),
            _ => None,
        };
        if let Some(fault) = fault {
            faults += 1;
            let path = Path::new(&folder).join(format!("fault-{seed}-{faults}.rhai"));
            std::fs::write(&path, &script).unwrap();
            println!("{}: {fault}", path.display());
        }
    }
    let growth = peak_memory() - before;
    println!(
        "{scripts} scripts, {faults} faults; the longest held the lane for {longest:.1?}; {growth} KiB of memory more; {kinds:?}"
    );
    if growth > MAX_GROWTH {
        println!("that is more than {MAX_GROWTH} KiB");
    }
    std::process::exit(i32::from(faults > 0 || growth > MAX_GROWTH));
}

fn config() -> EngineConfig {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::from(TransportConfig::default()));
    EngineConfig::new()
        .with_max_array_size(100_000)
        .with_max_cpu_time(Duration::from_millis(400))
        .with_max_wall_time(Duration::from_secs(2))
        .with_async_fn("echo", |value: rhai::Dynamic| async move { Ok::<_, String>(value) })
        .with_dispatch(transport)
}

/// What became of a script, and how long it held the lane at most: by the time that the thread computed, so that
/// other processes do not count.
fn run(handler: &RhaiHandler, script: &str) -> (Ran, Duration) {
    let task = Task::new(WorkerId::try_from("worker-1").unwrap(), Payload::script(script), "fuzz");
    let claim = Claim { task: task.id, instance: InstanceId::new(), delivery: 1 };
    let claimed = Claimed::first(claim, Arc::new(task));
    let clock = Arc::new(SystemClock::new());
    let mut future = handler.handle(Run { claimed, stop: StopToken::new(), deadline: None, clock });
    let mut held = Duration::ZERO;
    loop {
        let start = computed();
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        held = held.max(computed() - start);
        if let Poll::Ready(ran) = polled {
            return (ran, held);
        }
    }
}

fn computed() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on every system that this runs on, and writes to the struct only.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// The most memory that the process has had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or_default()
}
