//! A worker with a crash file: what its next start reports, and what a file must not do.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher::task::{Payload, Task};
use rhai_dispatcher::transport::{MemoryTransport, Transport, TransportConfig, TransportExt};
use rhai_dispatcher::worker::{RunningTasks, WorkerError};
use rhai_dispatcher::{RhaiDispatcherError, RhaiWorker, RhaiWorkerBuilder, TaskId, TaskStatus, WorkerId};
use rhai_dispatcher_core::InstanceSpec;
use rhai_dispatcher_supervision::{CrashFile, CrashTable};

/// A transport that ends no instance by its lease.
fn transport() -> Arc<dyn Transport> {
    let hour = Duration::from_secs(60 * 60);
    Arc::new(MemoryTransport::from(TransportConfig::default().with_lease(hour)))
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").unwrap()
}

fn worker(transport: &Arc<dyn Transport>, path: &Path) -> RhaiWorkerBuilder {
    RhaiWorker::builder("worker-1").transport(Arc::clone(transport)).threads(1).crash_file(path)
}

/// Leaves three tasks and the file of a worker that is killed while it polls the first `polled` of them.
fn leave(transport: &Arc<dyn Transport>, path: &Path, polled: usize) -> Vec<TaskId> {
    let consumer = block_on(transport.attach(InstanceSpec::new(worker_id()))).unwrap();
    let tasks = (0..3).map(|_| Task::new(worker_id(), Payload::script("40 + 2"), "caller-1"));
    let ids: Vec<_> = tasks.map(|task| block_on(transport.submit_one(task)).unwrap().task_id()).collect();
    let claimed = block_on(consumer.claim(NonZeroUsize::new(3).unwrap())).unwrap();
    assert_eq!(claimed.len(), 3);
    let table = CrashFile::open(path).unwrap().take_over(2).unwrap();
    table.attached(&worker_id(), consumer.instance());
    for (slot, id) in table.slots().iter().zip(&ids[..polled]) {
        slot.set(*id);
    }
    ids
}

#[test]
fn the_next_start_reports_what_ran_and_runs_all_again() {
    let directory = tempfile::tempdir().unwrap();
    let (path, transport) = (directory.path().join("crash"), transport());
    let ids = leave(&transport, &path, 1);
    let running = block_on(worker(&transport, &path).build().unwrap().start()).unwrap();
    for (id, deaths) in ids.into_iter().zip([1, 0, 0]) {
        let details = block_on(transport.outcome(id)).unwrap();
        assert_eq!((details.status, details.delivery, details.deaths), (TaskStatus::Completed, 2, deaths));
    }
    block_on(running.drain()).unwrap();
}

#[test]
fn a_crash_that_no_task_explains_is_left_to_the_lease() {
    let directory = tempfile::tempdir().unwrap();
    let (path, transport) = (directory.path().join("crash"), transport());
    let ids = leave(&transport, &path, 0);
    let running = block_on(worker(&transport, &path).build().unwrap().start()).unwrap();
    for id in ids {
        assert_eq!(block_on(transport.details_of(id)).unwrap().status, TaskStatus::Processing);
    }
    block_on(running.drain()).unwrap();
}

#[test]
fn a_worker_is_in_its_file_from_its_start_until_it_has_drained() {
    let directory = tempfile::tempdir().unwrap();
    let (path, transport) = (directory.path().join("crash"), transport());
    let running = block_on(worker(&transport, &path).build().unwrap().start()).unwrap();
    let crash = CrashTable::read(&File::open(&path).unwrap()).unwrap().unwrap();
    let instances = block_on(transport.instances(None)).unwrap();
    assert_eq!(crash.report.instance, instances[0].instance);
    block_on(running.drain()).unwrap();
    assert_eq!(CrashTable::read(&File::open(&path).unwrap()).unwrap(), None);
}

#[test]
fn a_file_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (path, transport) = (directory.path().join("crash"), transport());
    let _running = block_on(worker(&transport, &path).build().unwrap().start()).unwrap();
    let error = block_on(worker(&transport, &path).build().unwrap().start()).unwrap_err();
    assert!(matches!(error, WorkerError::CrashFile(_)), "{error:?}");
    let says = format!("crash file: {} is in use by another worker", path.display());
    assert!(error.to_string().starts_with(&says), "{error}");
    assert_eq!(block_on(transport.instances(None)).unwrap().len(), 1, "nothing has attached");
}

#[test]
fn bad_settings_of_a_crash_file_are_refused_by_name() {
    let transport = transport();
    let table = || {
        let file = tempfile::tempfile().unwrap();
        CrashTable::format(&file, 1).unwrap();
        Arc::new(CrashTable::map(file).unwrap())
    };
    for builder in [
        worker(&transport, Path::new("")),
        worker(&transport, Path::new("crash")).threads(CrashTable::MAX_LANES + 1),
        worker(&transport, Path::new("crash")).running_tasks(table()),
    ] {
        match builder.build() {
            Err(RhaiDispatcherError::Invalid(invalid)) => assert_eq!(invalid.field, "crash_file"),
            other => panic!("{other:?}"),
        }
    }
    let builder = RhaiWorker::builder("worker-1").transport(transport).threads(2).running_tasks(table());
    let error = block_on(builder.build().unwrap().start()).unwrap_err();
    assert!(error.to_string().contains("room for 1 lanes, and the worker has 2"), "{error}");
}
