//! What scripts cost on one lane, without a transport: time per trivial script, and memory per
//! script that waits.
//!
//! `cargo run --release -p rhai-dispatcher-engine --example footprint`
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use futures::executor::block_on;
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_core::{
    Claim, Claimed, Clock, EventSink, Handler, InstanceId, Outcome, Payload, Ran, Run, StopToken,
    SystemClock, Task, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};

const TRIVIAL: usize = 1_000_000;
const WAITING: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let handler = RhaiHandler::new(&EngineConfig::new());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());

    // The yardstick: Rhai alone.
    let engine = rhai::Engine::new();
    for source in ["40 + 2", "let x = 40; x + 2", "let s = 0; for i in 0..100 { s += i } s"] {
        let ast = engine.compile(source)?;
        let rounds = TRIVIAL / if source.contains("for") { 20 } else { 1 };
        let start = Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(engine.eval_ast::<i64>(&ast)?);
        }
        let rhai_alone = start.elapsed();
        let task = Arc::new(task(source)?);
        let start = Instant::now();
        for _ in 0..rounds {
            let ran = block_on(handler.handle(run(&task, &clock)));
            assert!(matches!(ran, Ran::Finished(Outcome::Completed(_), _)), "{ran:?}");
        }
        let ours = start.elapsed();
        let each = |time: std::time::Duration| time.as_nanos() / rounds as u128;
        println!("{source:45} {:6} ns each, of which Rhai {:6} ns", each(ours), each(rhai_alone));
    }

    for source in ["sleep(1)", "fn f(n) { if n == 0 { sleep(1) } else { f(n - 1) } } f(10); 1"] {
        let task = Arc::new(task(source)?);
        let before = resident()?;
        let start = Instant::now();
        let mut runs: FuturesUnordered<_> =
            (0..WAITING).map(|_| handler.handle(run(&task, &clock))).collect();
        let _ = futures::FutureExt::now_or_never(runs.next());
        let waiting = resident()?;
        let started = start.elapsed();
        block_on(async { while runs.next().await.is_some() {} });
        println!(
            "{source:45} {WAITING} at once: all wait after {started:?}, end after {:?}; {:.1} KiB resident each",
            start.elapsed(),
            (waiting - before) as f64 / WAITING as f64,
        );
        println!("{:45} {} KiB resident when they have ended", "", resident()?);
    }
    Ok(())
}

fn task(source: &str) -> Result<Task, Box<dyn Error>> {
    Ok(Task::new(WorkerId::try_from("worker-1")?, Payload::script(source), "caller-1"))
}

fn run(task: &Arc<Task>, clock: &Arc<dyn Clock>) -> Run {
    let claim = Claim { task: task.id, instance: InstanceId::new(), delivery: 1 };
    let claimed = Claimed::first(claim, Arc::clone(task));
    Run {
        claimed,
        stop: StopToken::new(),
        deadline: None,
        clock: Arc::clone(clock),
        events: EventSink::default(),
        trace: None,
    }
}

/// The memory of this process, in KiB.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}
