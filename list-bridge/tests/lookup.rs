//! `status`, `wait` and `cancel` of ids that clients of the list protocol have chosen.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::FutureExt;
use rhai_dispatcher_core::{
    CancelReason, Cancelled, Dispatcher, DispatcherConfig, Error, TaskErrorKind, TaskId, TaskStatus,
    Transport,
};
use rhai_dispatcher_list_bridge::{FollowingTransport, Found, ListId, ListTasks};
use support::{Site, runs, until};

fn dispatcher(site: &Site) -> Dispatcher {
    let transport: Arc<dyn Transport> = Arc::new(FollowingTransport::new(site.transport.clone()));
    Dispatcher::new(transport, DispatcherConfig::new("test").expect("a caller"))
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn an_id_of_a_tasks_form_follows_to_the_task_that_runs_it() {
    let mut site = Site::new();
    let client = dispatcher(&site);
    let id = TaskId::new();
    site.submit(&id.to_string(), &[("script", "wait"), ("callerId", "shop")]);
    // Before a bridge takes it.
    let details = block_on(client.status(id)).expect("a record");
    assert_eq!(
        (details.status, &*details.script, &*details.caller_id),
        (TaskStatus::Pending, "wait", "shop")
    );
    let mut waiting = client.wait(id, LONG).boxed();
    assert!((&mut waiting).now_or_never().is_none());

    let (_worker, counted) = site.worker();
    let _bridge = site.bridge();
    until("it runs", || runs(&counted) == 1);
    until("its record says so", || {
        block_on(client.status(id)).expect("a record").status == TaskStatus::Processing
    });
    let details = block_on(client.status(id)).expect("a record");
    assert_eq!(details.request_id.as_deref(), Some(&*id.to_string()));
    assert_ne!(details.task_id, id, "it is the record of the task that runs it");
    assert_eq!(block_on(client.cancel(id)).expect("an answer"), Cancelled::Requested);
    let details = block_on(waiting).expect("an outcome");
    assert_eq!((details.status, details.cancel_reason), (TaskStatus::Cancelled, Some(CancelReason::Asked)));
    let reply = site.reply(&id.to_string());
    assert_eq!((&reply["status"], &reply["error"]), (&"error".into(), &"cancelled: asked".into()));
    assert_eq!(block_on(client.wait(id, LONG)).expect("an outcome"), details, "also after its end");
    assert_eq!(block_on(client.cancel(id)).expect("an answer"), Cancelled::AlreadyFinished);
    assert_eq!(client.transport().health().waiters, 0);
}

#[test]
fn a_cancel_before_a_bridge_takes_the_id_is_its_outcome() {
    let mut site = Site::new();
    let client = dispatcher(&site);
    let id = TaskId::new();
    site.submit(&id.to_string(), &[("script", "1")]);
    assert_eq!(block_on(client.cancel(id)).expect("an answer"), Cancelled::Requested);
    let (_worker, counted) = site.worker();
    let _bridge = site.bridge();
    assert_eq!(site.reply(&id.to_string())["error"], "cancelled: asked");
    assert_eq!(runs(&counted), 0);
    let details = block_on(client.wait(id, LONG)).expect("an outcome");
    assert_eq!((details.task_id, details.status), (id, TaskStatus::Error));
}

#[test]
fn an_id_that_was_refused_has_its_error() {
    let mut site = Site::new();
    let client = dispatcher(&site);
    let _bridge = site.bridge();
    let id = TaskId::new();
    site.submit(&id.to_string(), &[("callerId", "shop")]);
    let mut waiting = client.wait(id, LONG).boxed();
    let details = block_on(&mut waiting).expect("an outcome");
    let error = details.error.expect("an error");
    assert_eq!(details.status, TaskStatus::Error);
    assert_eq!(error.kind, TaskErrorKind::Runtime);
    assert!(error.message.starts_with("script: is missing"), "{error}");
}

#[test]
fn other_ids_are_looked_up_by_name() {
    let mut site = Site::new();
    let tasks = ListTasks::new(&site.transport);
    let id = ListId::try_from("job-1").expect("an id");
    assert_eq!(block_on(tasks.find(&id)).expect("an answer"), None);
    assert_eq!(block_on(tasks.outcome(&id)).expect("an answer"), None);
    assert_eq!(block_on(tasks.cancel(&id, CancelReason::Asked)).expect("an answer"), Cancelled::NotFound);
    site.submit("job-1", &[("script", "1")]);
    let Some(Found::Hash(hash)) = block_on(tasks.find(&id)).expect("an answer") else { panic!("no hash") };
    assert_eq!((&*hash.task_id, hash.status), ("job-1", TaskStatus::Pending));
    let (_worker, _) = site.worker();
    let _bridge = site.bridge();
    let Some(Found::Task(details)) = block_on(tasks.outcome(&id)).expect("an answer") else {
        panic!("no task")
    };
    assert_eq!((details.status, details.request_id.as_deref()), (TaskStatus::Completed, Some("job-1")));
    assert_eq!(block_on(tasks.find(&id)).expect("an answer"), Some(Found::Task(details)));
}

#[test]
fn the_outcome_of_a_task_is_read_from_a_server_that_takes_no_writes() {
    let site = Site::new();
    let (worker, _) = site.worker();
    let client = dispatcher(&site);
    let request = client.new_play_request().worker_id("worker-1").script("42");
    let details = block_on(request.await_response()).expect("an outcome");
    block_on(worker.drain()).expect("it drains");
    // What a full disk does to scripts: a server that wants replicas, and has none, refuses writes.
    let _ = site.server.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let other = dispatcher(&site);
    assert_eq!(block_on(other.wait(details.task_id, LONG)).expect("an outcome"), details);
}

#[test]
fn other_tasks_are_not_affected() {
    let site = Site::new();
    let (_worker, _) = site.worker();
    let client = dispatcher(&site);
    let unknown = TaskId::new();
    assert!(matches!(block_on(client.status(unknown)), Err(Error::NotFound(id)) if id == unknown));
    assert!(matches!(block_on(client.wait(unknown, LONG)), Err(Error::NotFound(id)) if id == unknown));
    let request = client.new_play_request().worker_id("worker-1").script("42");
    let details = block_on(request.await_response()).expect("an outcome");
    assert_eq!(block_on(client.status(details.task_id)).expect("a record"), details);
    assert_eq!(block_on(client.wait(details.task_id, LONG)).expect("a record"), details);
}
