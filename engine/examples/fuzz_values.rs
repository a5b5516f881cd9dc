//! Runs random scripts for a while, and tells which of them held the lane, took memory or made a function panic.
//!
//! `cargo xtask fuzz` starts it, and tells which script it ran if it dies:
//! `fuzz_values SECONDS SEED FOLDER` writes each script to `FOLDER/script.rhai` before it runs it.
//!
//! `fuzz_values RUNS SCRIPT.rhai…` runs each script that often, and tells how long it held the lane at most, and when
//! (by `CLOCK_MONOTONIC`), so that a profile can be cut to that poll:
//!
//! ```text
//! perf record -k mono -e cpu-clock -F 10000 --call-graph dwarf,16384 fuzz_values 1 SCRIPT.rhai
//! perf script --time START,END
//! ```

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
    Claim, Claimed, EventSink, Handler, InstanceId, Outcome, Payload, Ran, Run, StopToken, SystemClock, Task,
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
/// How often a script is repeated that held it longer. The shortest time counts: the machine may lend the processor to
/// others, which the thread's own time does not show.
const REPEATS: u32 = 3;
/// How much more memory the process may have than before the first script, in KiB.
const MAX_GROWTH: u64 = 256 * 1024;

fn main() {
    let mut args = std::env::args().skip(1);
    if args.len() > 1 && args.by_ref().skip(1).all(|arg| arg.ends_with(".rhai")) {
        return measure();
    }
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
        let Measured { ran, mut held, .. } = run(&handler, &script);
        scripts += 1;
        if held > MAX_HELD {
            let repeated = (0..REPEATS).map(|_| run(&handler, &script).held).min().unwrap_or(held);
            println!("{seed}: {held:.1?}, and {repeated:.1?} at best when it is repeated");
            held = held.min(repeated);
        }
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

/// Runs the scripts that the command line names.
fn measure() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let runs: u64 = args[0].parse().expect("RUNS SCRIPT.rhai…");
    let handler = RhaiHandler::new(&config());
    for path in &args[1..] {
        let script = std::fs::read_to_string(path).unwrap();
        let longest = (0..runs).map(|_| run(&handler, &script)).max_by_key(|measured| measured.held).unwrap();
        println!(
            "{path}: {:.1?} in poll {} of {}, from {:.6} to {:.6}; {:.200?}",
            longest.held, longest.poll, longest.polls, longest.start, longest.end, longest.ran
        );
    }
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

/// What became of a script, and its longest poll.
struct Measured {
    ran: Ran,
    /// How long it held the lane at most: by the time that the thread computed, so that other processes do not count.
    held: Duration,
    /// Which poll that was, from 1.
    poll: u64,
    polls: u64,
    /// When it began and ended, in seconds of the monotonic clock.
    start: f64,
    end: f64,
}

fn run(handler: &RhaiHandler, script: &str) -> Measured {
    let task = Task::new(WorkerId::try_from("worker-1").unwrap(), Payload::script(script), "fuzz");
    let claim = Claim { task: task.id, instance: InstanceId::new(), delivery: 1 };
    let claimed = Claimed::first(claim, Arc::new(task));
    let clock = Arc::new(SystemClock::new());
    let mut future = handler.handle(Run {
        claimed,
        stop: StopToken::new(),
        deadline: None,
        clock,
        events: EventSink::default(),
        trace: None,
    });
    let (mut held, mut poll, mut polls, mut start, mut end) = (Duration::ZERO, 0, 0, 0.0, 0.0);
    loop {
        polls += 1;
        let began = (time(libc::CLOCK_THREAD_CPUTIME_ID), time(libc::CLOCK_MONOTONIC));
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let ended = (time(libc::CLOCK_THREAD_CPUTIME_ID), time(libc::CLOCK_MONOTONIC));
        if ended.0 - began.0 > held {
            held = ended.0 - began.0;
            (poll, start, end) = (polls, began.1.as_secs_f64(), ended.1.as_secs_f64());
        }
        if let Poll::Ready(ran) = polled {
            return Measured { ran, held, poll, polls, start, end };
        }
    }
}

fn time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clocks exist on every system that this runs on, and are written to the struct only.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// The most memory that the process has had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or_default()
}
