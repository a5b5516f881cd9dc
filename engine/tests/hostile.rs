//! The scripts of `tests/hostile`: each ends in the error that its first lines name, the process
//! lives, and scripts beside it are answered.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::alloc::System;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{
    Limits, Payload, Task, TaskDetails, TaskId, TaskStatus, Transport, TransportConfig, Worker, WorkerConfig,
    WorkerId,
};
use rhai_dispatcher_engine::{AsyncFnConfig, EngineConfig, RhaiHandler, ScriptAllocator};
use rhai_dispatcher_memory::MemoryTransport;

#[global_allocator]
static ALLOCATOR: ScriptAllocator<System> = ScriptAllocator::new(System);

#[test]
fn every_hostile_script_ends_in_its_error_and_others_are_answered() {
    let config = TransportConfig::default().with_max_children(20);
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::from(config));
    let engine = engine_config(&transport);
    let lanes = WorkerConfig::default().with_lanes(NonZeroUsize::new(2).unwrap());
    let worker = Worker::new(Arc::clone(&transport), worker_id()).with_config(lanes);
    let worker = block_on(worker.start(move || RhaiHandler::new(&engine))).unwrap();

    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Beside them, all the time.
        let beside = scope.spawn(|| {
            let mut answered = 0;
            while !done.load(Ordering::Relaxed) {
                let details = outcome(&transport, submit(&transport, "40 + 2"));
                assert_eq!(details.output.unwrap().to_string(), "42");
                answered += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            answered
        });
        let mut scripts = scripts();
        // Fork bombs last: what they dispatched burns a lane's time for long, which the others need to
        // reach their own limits.
        scripts.sort_by_key(|path| (path.ends_with("fork_bomb.rhai"), path.clone()));
        // Two of each, so that both lanes have to do; a few at a time, since they share a processor.
        let scripts: Vec<_> = scripts.iter().flat_map(|path| [path, path]).collect();
        let mut problems = Vec::new();
        for few in scripts.chunks(4) {
            let submitted: Vec<_> = few
                .iter()
                .map(|path| {
                    let source = std::fs::read_to_string(path).unwrap();
                    let id = submit(&transport, &source);
                    (path, source, id)
                })
                .collect();
            for (path, source, id) in submitted {
                if let Some(problem) = problem(&source, &outcome(&transport, id)) {
                    problems.push(format!("{}: {problem}", path.display()));
                }
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(beside.join().unwrap() > 10);
        assert!(problems.is_empty(), "{problems:#?}");
    });
    // Children of the fork bomb may still burn their time.
    block_on(worker.drain()).unwrap();
}

/// Small limits, so that each is reached soon.
fn engine_config(transport: &Arc<dyn Transport>) -> EngineConfig {
    EngineConfig::new()
        .with_max_cpu_time(Duration::from_millis(200))
        .with_max_memory(8 * 1024 * 1024)
        .with_max_array_size(1_000)
        .with_max_map_size(1_000)
        .with_max_output_bytes(256 * 1024)
        .with_max_requests(100)
        .with_allow_eval(true)
        .with_setup(|engine| {
            engine.register_fn("panic_now", || -> i64 { panic!("on purpose") });
        })
        .with_async_fn_config("never", AsyncFnConfig::new().with_timeout(Duration::from_secs(10)), || {
            std::future::pending::<()>()
        })
        .with_dispatch(Arc::clone(transport))
}

/// How the outcome differs from what the script's first lines say: the kind of its error, and a part of
/// the message, or of one of several messages if it goes over several limits at about the same time.
fn problem(source: &str, details: &TaskDetails) -> Option<String> {
    let said = |what| source.lines().filter_map(move |line| line.strip_prefix(what));
    let kind = said("// expect: ").next().unwrap();
    let messages: Vec<_> = said("// message: ").collect();
    assert!(!messages.is_empty(), "{source}");
    let Some(error) = &details.error else {
        return Some(format!("{:?}, not {kind}: {:?}", details.status, details.output));
    };
    let is_right = details.status == TaskStatus::Error
        && error.kind.to_string() == kind
        && messages.iter().any(|message| error.message.contains(message));
    (!is_right).then(|| format!("{error}, not {kind}: {messages:?}"))
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "rhai")).collect();
    assert!(paths.len() > 30);
    paths
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").unwrap()
}

fn submit(transport: &Arc<dyn Transport>, script: &str) -> TaskId {
    let mut task = Task::new(worker_id(), Payload::script(script), "caller-1");
    let mut limits = Limits::default();
    for line in script.lines().filter_map(|line| line.strip_prefix("// limit: ")) {
        let (name, value) = line.split_once('=').unwrap();
        limits.set(name, value).unwrap();
    }
    task.limits = (!limits.is_empty()).then(|| Arc::new(limits));
    let id = task.id;
    block_on(transport.submit(vec![task.into()])).unwrap().remove(0).unwrap();
    id
}

fn outcome(transport: &Arc<dyn Transport>, id: TaskId) -> TaskDetails {
    *block_on(transport.outcome(id)).unwrap()
}
