//! What requests cost a script, beside the yardsticks of an iteration of an empty loop and of a call of a
//! native function that does nothing. The goals: `await_result` of a complete request under 2 µs;
//! to start and await a function that is ready at once under 5 µs.
//!
//! Run it with `cargo bench -p rhai-dispatcher-engine --bench requests`.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use futures::executor::block_on;
use rhai_dispatcher_core::{
    Claim, Claimed, Clock, EventSink, Handler, InstanceId, Outcome, Payload, Ran, Run, StopToken,
    SystemClock, Task, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};

/// As in `rhaid`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Iterations of one script; it holds a request for each.
const CHUNK: u64 = 1000;

thread_local! {
    /// When the script began what is measured, and how long it took.
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
    static TOOK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn config() -> EngineConfig {
    EngineConfig::new()
        .with_setup(|engine| {
            engine.register_fn("begin", || BEGUN.set(Some(Instant::now())));
            engine.register_fn("end", || TOOK.set(BEGUN.get().map(|at| at.elapsed()).unwrap_or_default()));
            engine.register_fn("nothing", |_: &str| {});
        })
        .with_async_fn("ready", |n: i64| async move { n })
}

struct BenchLane {
    handler: RhaiHandler,
    clock: Arc<dyn Clock>,
}

impl BenchLane {
    /// Runs `source` with `n` iterations, and says how long they took.
    fn took(&self, source: &str, n: u64) -> Duration {
        let worker_id = WorkerId::try_from("worker-1").expect("a good id");
        let task = Task::new(worker_id, Payload::script(source.replace("$n", &n.to_string())), "bench");
        let claim = Claim { task: task.id, instance: InstanceId::new(), delivery: 1 };
        let claimed = Claimed::first(claim, Arc::new(task));
        let run = Run {
            claimed,
            stop: StopToken::new(),
            deadline: None,
            clock: Arc::clone(&self.clock),
            events: EventSink::default(),
            trace: None,
        };
        let ran = block_on(self.handler.handle(run));
        assert!(matches!(ran, Ran::Finished(Outcome::Completed(_), _)), "{ran:?}");
        TOOK.get()
    }
}

fn requests(c: &mut Criterion) {
    let lane = BenchLane { handler: RhaiHandler::new(&config()), clock: Arc::new(SystemClock::new()) };
    let started = "let ids = []; for i in 0..$n { ids.push(ready_async(i)); } begin();";
    for (name, source) in [
        ("yardstick: an empty iteration", "begin(); for i in 0..$n { } end();".to_owned()),
        (
            "yardstick: a native call",
            "let id = \"x\"; begin(); for i in 0..$n { nothing(id); } end();".to_owned(),
        ),
        ("ready(i)", "begin(); for i in 0..$n { ready(i); } end();".to_owned()),
        (
            "await_result(ready_async(i))",
            "begin(); for i in 0..$n { await_result(ready_async(i)); } end();".to_owned(),
        ),
        (
            "await_result of a complete request",
            format!("{started} for id in ids {{ await_result(id); }} end();"),
        ),
        (
            "await_result(id, 30) of a complete request",
            format!("{started} for id in ids {{ await_result(id, 30); }} end();"),
        ),
        ("is_complete", format!("{started} for id in ids {{ is_complete(id); }} end();")),
        ("await_all, for each", format!("{started} await_all(ids); end();")),
    ] {
        c.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                let chunks = iterations / CHUNK;
                let rest = iterations % CHUNK;
                let whole: Duration = (0..chunks).map(|_| lane.took(&source, CHUNK)).sum();
                whole + if rest > 0 { lane.took(&source, rest) } else { Duration::ZERO }
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = requests
}
criterion_main!(benches);
