//! Children are noted before they are submitted, and cancelled after their parent: what a crash in between leaves.

mod support;

use futures::executor::block_on;
use redis::Commands;
use rhai_dispatcher_core::{
    CancelReason, Cancelled, SubmitError, Task, TaskId, TaskStatus, Transport, TransportExt, WorkerId,
};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, client, open, open_with, submit, task, until};

const ORPHANED: &str = "{rhailib:worker-1}:orphaned";

fn child_of(parent: TaskId) -> Task {
    Task { parent: Some(parent), depth: 1, worker_id: elsewhere(), ..task() }
}

fn elsewhere() -> WorkerId {
    "elsewhere".try_into().expect("a worker id")
}

#[test]
fn a_renewal_cancels_the_children_that_a_dead_client_has_left() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let parent = submit(&transport);
    let consumer = attach(&transport);
    claim(&consumer);
    let child = child_of(parent);
    block_on(transport.submit_one(child.clone())).expect("accepted");
    // As the script of a cancel has left it.
    let _: usize = redis.sadd(ORPHANED, parent.to_string()).expect("written");
    block_on(consumer.renew()).expect("renewed");
    let ended = block_on(transport.outcome(child.id)).expect("an outcome");
    assert_eq!((ended.status, ended.cancel_reason), (TaskStatus::Cancelled, Some(CancelReason::Parent)));
    until("nothing is left to do", || !redis.exists::<_, bool>(ORPHANED).expect("an answer"));
}

#[test]
fn a_list_of_queues_does_so_without_an_instance() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let parent = submit(&transport);
    let child = child_of(parent);
    block_on(transport.submit_one(child.clone())).expect("accepted");
    let _: usize = redis.sadd(ORPHANED, parent.to_string()).expect("written");
    let other = open(&server); // which has nothing else to do
    block_on(other.queues()).expect("queues");
    let ended = block_on(transport.outcome(child.id)).expect("an outcome");
    assert_eq!(ended.cancel_reason, Some(CancelReason::Parent));
}

#[test]
fn a_child_that_is_submitted_after_its_cancel_is_refused() {
    let server = RedisServer::start();
    let mut redis = client(&server);
    let transport = open(&server);
    let parent = submit(&transport);
    let child = child_of(parent);
    // Its submitter notes it, and is then slow.
    block_on(transport.submit_one(child_of(parent))).expect("accepted");
    let children = format!("{{rhailib:{parent}}}:children");
    let _: usize = redis.zadd(&children, child.id.to_string(), 5).expect("written");
    assert_eq!(
        block_on(transport.cancel(&[parent], CancelReason::Asked)).expect("cancelled"),
        [Cancelled::Removed]
    );
    // What it has noted is as good as written: it does not ask again.
    let _: usize = redis.del(format!("rhailib:{parent}")).expect("deleted");
    let refused = block_on(transport.submit_one(child.clone()));
    let message = refused.expect_err("refused").to_string();
    assert!(message.contains(&SubmitError::ParentCancelled(parent).to_string()), "{message}");
    assert_eq!(block_on(transport.details(&[child.id])).expect("a look"), [None]);
}

#[test]
fn a_child_that_a_full_queue_refuses_is_none() {
    let server = RedisServer::start();
    let transport = open_with(&server, |config| config.with_queue_limit(1));
    let parent = submit(&transport);
    let child = child_of(parent);
    block_on(transport.submit_one(child.clone())).expect("accepted");
    let refused = block_on(transport.submit(vec![child_of(parent).into()])).expect("a submit").remove(0);
    assert!(matches!(refused, Err(SubmitError::QueueFull { .. })), "{refused:?}");
    let details = block_on(transport.details(&[parent])).expect("a record").remove(0).expect("a record");
    assert_eq!(details.children, [child.id]);
}

#[test]
fn thousands_of_tasks_are_cancelled_with_the_one_above_them() {
    const WIDTH: usize = 1_000;
    let server = RedisServer::start();
    let transport = open(&server);
    let parent = submit(&transport);
    let children: Vec<_> = (0..WIDTH).map(|_| child_of(parent)).collect();
    let grandchildren: Vec<_> = children.iter().map(|child| child_of(child.id)).collect();
    for tasks in [&children, &grandchildren] {
        let tasks = tasks.iter().map(|task| task.clone().into()).collect();
        assert!(block_on(transport.submit(tasks)).expect("a submit").iter().all(Result::is_ok));
    }
    assert_eq!(
        block_on(transport.cancel(&[parent], CancelReason::Asked)).expect("cancelled"),
        [Cancelled::Removed]
    );
    let ids: Vec<_> = children.iter().chain(&grandchildren).map(|task| task.id).collect();
    let all = block_on(transport.summaries(&ids)).expect("records");
    let cancelled = all.iter().flatten().filter(|task| task.status == TaskStatus::Cancelled).count();
    assert_eq!(cancelled, 2 * WIDTH, "when the cancel is answered");
}
