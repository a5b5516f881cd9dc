//! Pages of the tasks of a queue: what the conformance suite is too small for.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

mod support;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{
    CancelReason, InstanceSpec, QueuePart, Task, TaskCursor, TaskId, Transport, TransportError,
};
use rhai_dispatcher_redis::RedisTransport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{open, task, worker};

/// Submits that many tasks, as few batches.
async fn submit(transport: &RedisTransport, count: usize, delay: Duration) -> Vec<TaskId> {
    let tasks: Vec<_> = (0..count).map(|_| Arc::new(Task { delay, ..task() })).collect();
    let ids = tasks.iter().map(|task| task.id).collect();
    for answer in transport.submit(tasks).await.unwrap() {
        answer.unwrap();
    }
    ids
}

/// All tasks of a part, in pages of `limit`; after each page some of it leaves.
async fn listed(transport: &RedisTransport, part: QueuePart, limit: usize, leave: bool) -> Vec<TaskId> {
    let limit = NonZeroUsize::new(limit).unwrap();
    let (mut all, mut from) = (Vec::new(), TaskCursor::from(part));
    loop {
        let page = transport.tasks(&worker(), &from, limit).await.unwrap();
        assert!(page.ids.len() <= limit.get());
        if leave {
            // The last one with it, which the cursor names.
            transport.cancel(&page.ids, CancelReason::Asked).await.unwrap();
        }
        all.extend(page.ids);
        match page.next {
            Some(next) => from = next,
            None => return all,
        }
    }
}

fn assert_same(found: &[TaskId], expected: &[TaskId]) {
    assert_eq!(found.len(), expected.len(), "none twice");
    let set = |ids: &[TaskId]| ids.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(set(found), set(expected));
}

#[test]
fn tasks_that_are_due_together_are_paged_while_they_leave() {
    let server = RedisServer::start();
    block_on(async {
        let transport = open(&server);
        for leave in [false, true] {
            // Those of one batch are due in the same millisecond.
            let ids = submit(&transport, 500, Duration::from_secs(3_600)).await;
            assert_same(&listed(&transport, QueuePart::Delayed, 7, leave).await, &ids);
            transport.cancel(&ids, CancelReason::Asked).await.unwrap();
        }
    });
}

#[test]
fn many_claims_of_several_instances_are_paged() {
    let server = RedisServer::start();
    block_on(async {
        let transport = open(&server);
        let ids = submit(&transport, 900, Duration::ZERO).await;
        let mut consumers = Vec::new();
        for count in [1, 300, 599] {
            let consumer = transport.attach(InstanceSpec::new(worker())).await.unwrap();
            let mut claimed = 0;
            while claimed < count {
                claimed += consumer.claim(NonZeroUsize::new(count - claimed).unwrap()).await.unwrap().len();
            }
            consumers.push(consumer);
        }
        for limit in [1, 10, 250, 5_000] {
            assert_same(&listed(&transport, QueuePart::Running, limit, false).await, &ids);
        }
    });
}

#[test]
fn cursor_of_another_transport_is_refused() {
    let server = RedisServer::start();
    block_on(async {
        let transport = open(&server);
        submit(&transport, 1, Duration::ZERO).await;
        for place in ["", "1_2", "1_x_3", "_1_2", "1_2_3_4"] {
            for part in QueuePart::ALL {
                let from = TaskCursor::after(part, place);
                let refused = transport.tasks(&worker(), &from, NonZeroUsize::MIN).await;
                let Err(TransportError::Protocol(why)) = refused else { panic!("{place}: {refused:?}") };
                assert!(why.to_string().starts_with("cursor: this transport has not made it"), "{why}");
            }
        }
    });
}
