//! A task that is stopped while its script is suspended leaves nothing behind: no stack, no request,
//! no child and no memory.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/figures.rs"]
mod figures;
mod support;

use std::alloc::System;
use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use figures::Figures;
use futures::executor::block_on;
use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{
    CancelReason, Handler, ManualClock, Payload, Ran, Run, RunningWorker, Task, TaskDetails, TaskId,
    TaskStatus, Transport, TransportExt, Worker, WorkerConfig, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler, ScriptAllocator, WaitError, wait};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

#[global_allocator]
static ALLOCATOR: ScriptAllocator<System> = ScriptAllocator::new(System);

/// Where scripts are suspended when they are stopped.
const PLACES: [(&str, &str); 10] = [
    ("in plain code", "wait_here()"),
    ("in a function", "fn f(n) { if n == 0 { wait_here() } else { f(n - 1) } } f(20)"),
    ("in a callback of sort", "let a = [3, 1, 2]; a.sort(|x, y| { wait_here(); x - y }); a"),
    ("in a callback of map", "[1, 2].map(|x| [x].map(|y| { let held = `${y}`; wait_here(); held }))"),
    ("in try", "try { wait_here() } catch { throw 1 }"),
    ("in catch", "try { throw #{ deep: [1] } } catch (e) { wait_here(); e }"),
    ("while it awaits", "let id = never_async(); reached(); await_all([id])"),
    ("while it settles", "let id = never_async(); reached(); await_all_settled([id])"),
    ("in the drop of a variable", "{ let v = waits_in_drop(); } 1"),
    ("with a value whose drop waits", "let v = waits_in_drop(); [1].map(|x| { wait_here(); v })"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Cancelled,
    Expired,
    Drained,
}

#[test]
fn a_script_that_is_stopped_while_it_is_suspended_leaves_nothing_behind() {
    let figures = Arc::new(Figures::default());
    metrics::set_global_recorder(Arc::clone(&figures)).unwrap();
    for end in [End::Cancelled, End::Expired, End::Drained] {
        for (place, script) in PLACES {
            stop_while_suspended(&figures, end, place, script);
        }
    }
}

fn stop_while_suspended(figures: &Figures, end: End, place: &str, script: &str) {
    let when = &format!("{end:?} {place}");
    let bench = Bench::new();
    let script = format!("dispatch_async(`absent`, `1`); never_async(); let held = blob(10_000); {script}");

    let (worker, accounts) = bench.start();
    let id = bench.submit(&script);
    bench.reached.recv().unwrap();
    assert_eq!(figures.gauge("rhai_fibers{}"), 1.0, "{when}");
    assert!(figures.gauge("rhai_requests_in_flight{function=never}") >= 1.0, "{when}");
    assert_eq!(figures.gauge("rhai_requests_in_flight{function=dispatch}"), 1.0, "{when}");
    let [child] = bench.details(id).children[..] else { panic!("{when}: one child") };
    assert_eq!(bench.details(child).status, TaskStatus::Pending, "{when}");

    match end {
        End::Cancelled => drop(block_on(bench.transport.cancel_one(id, CancelReason::Asked)).unwrap()),
        End::Expired => bench.clock.advance(Bench::DEADLINE),
        End::Drained => {}
    }
    if end != End::Drained {
        assert_eq!(block_on(bench.transport.outcome(id)).unwrap().status, TaskStatus::Cancelled, "{when}");
    }
    block_on(worker.drain()).unwrap();
    figures.assert_gauges_are_zero(when);
    assert_eq!(accounts.load(Ordering::SeqCst), 0, "{when}: memory accounts");
    if end == End::Drained {
        bench.run_again_and_cancel(figures, id, child, when);
    }
    assert_eq!(bench.details(child).status, TaskStatus::Cancelled, "{when}");
}

/// Workers of one lane, one after the other, on a hub and a clock of their own.
struct Bench {
    transport: Arc<dyn Transport>,
    clock: ManualClock,
    config: EngineConfig,
    /// Told by scripts that they are about to be suspended.
    reached: mpsc::Receiver<()>,
}

impl Bench {
    const DEADLINE: Duration = Duration::from_secs(5);

    fn new() -> Self {
        let clock = ManualClock::new();
        let hub = MemoryConfig::default().with_clock(Arc::new(clock.clone()));
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(hub));
        // With its room made here: what a script allocates for it would be the script's.
        let (sender, reached) = mpsc::sync_channel(64);
        let sender = Mutex::new(sender);
        let config = EngineConfig::new()
            .with_async_fn("never", pending::<()>)
            .with_dispatch(Arc::clone(&transport))
            .with_setup(move |engine| register(engine, &sender.lock().unwrap()));
        Self { transport, clock, config, reached }
    }

    /// A worker, and how many memory accounts its lane leaves.
    fn start(&self) -> (RunningWorker, Arc<AtomicUsize>) {
        let config = WorkerConfig::default().with_lanes(NonZeroUsize::MIN).with_grace(Duration::ZERO);
        let worker = Worker::new(Arc::clone(&self.transport), worker_id()).with_config(config);
        let accounts = Arc::new(AtomicUsize::new(usize::MAX));
        let (left, config) = (Arc::clone(&accounts), self.config.clone());
        let handler = move || Watched { handler: RhaiHandler::new(&config), left: Arc::clone(&left) };
        (block_on(worker.start(handler)).unwrap(), accounts)
    }

    fn submit(&self, script: &str) -> TaskId {
        let mut task = Task::new(worker_id(), Payload::script(script), "caller-1");
        task.deadline_in = Some(Self::DEADLINE);
        let id = task.id;
        block_on(self.transport.submit_one(task)).unwrap();
        id
    }

    fn details(&self, id: TaskId) -> TaskDetails {
        block_on(self.transport.details(&[id])).unwrap().remove(0).unwrap()
    }

    /// What a drained worker released runs elsewhere, and finds the child that it had.
    fn run_again_and_cancel(&self, figures: &Figures, id: TaskId, child: TaskId, when: &str) {
        assert_eq!(self.details(id).status, TaskStatus::Pending, "{when}");
        let (worker, accounts) = self.start();
        self.reached.recv().unwrap();
        assert_eq!(self.details(id).children, [child], "{when}");
        assert_eq!(self.details(child).status, TaskStatus::Pending, "{when}");
        block_on(self.transport.cancel_one(id, CancelReason::Asked)).unwrap();
        assert_eq!(block_on(self.transport.outcome(id)).unwrap().status, TaskStatus::Cancelled, "{when}");
        block_on(worker.drain()).unwrap();
        figures.assert_gauges_are_zero(when);
        assert_eq!(accounts.load(Ordering::SeqCst), 0, "{when}: memory accounts");
    }
}

fn register(engine: &mut rhai::Engine, reached: &mpsc::SyncSender<()>) {
    let here = reached.clone();
    engine.register_fn("reached", move || here.send(()).unwrap());
    let here = reached.clone();
    engine.register_fn("wait_here", move || -> Result<(), Box<rhai::EvalAltResult>> {
        here.send(()).unwrap();
        Ok(wait(pending())?)
    });
    let reached = reached.clone();
    engine.register_fn("waits_in_drop", move || Arc::new(WaitsInDrop(reached.clone())));
}

/// A native value whose destructor suspends the script, or learns that the task was stopped.
struct WaitsInDrop(mpsc::SyncSender<()>);

impl Drop for WaitsInDrop {
    fn drop(&mut self) {
        // No test listens any more where the script was stopped before.
        let _ = self.0.send(());
        assert!(matches!(wait(pending::<()>()), Err(WaitError::Stopped(_))));
    }
}

/// Notes, at the end of its lane, how many memory accounts are left.
struct Watched {
    handler: RhaiHandler,
    left: Arc<AtomicUsize>,
}

impl Handler for Watched {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        self.handler.poll_ready(cx)
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        self.handler.handle(run)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.left.store(self.handler.memory_accounts(), Ordering::SeqCst);
    }
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").unwrap()
}
