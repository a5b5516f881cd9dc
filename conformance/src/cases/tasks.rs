//! `Transport::tasks`

use std::num::NonZeroUsize;
use std::time::Duration;

use rhai_dispatcher_core::{Priority, QueuePart, Task, TaskCursor, TaskId, TaskPage};

use crate::Environment;
use crate::instance::{Instance, up_to};
use crate::stage::{Stage, worker};

async fn page(stage: &Stage<'_>, from: &TaskCursor, limit: NonZeroUsize) -> TaskPage {
    let page = stage.transport.tasks(&worker("main"), from, limit).await.expect("tasks");
    assert!(page.ids.len() <= limit.get(), "no more than asked for");
    page
}

/// All tasks of a part, in pages of `limit`. Before each page but the first, `meanwhile` happens.
async fn listed_while(
    stage: &Stage<'_>,
    part: QueuePart,
    limit: usize,
    mut meanwhile: impl AsyncFnMut(&[TaskId]),
) -> Vec<TaskId> {
    /// More than any case needs.
    const MAX_PAGES: usize = 100;
    let (mut ids, mut from) = (Vec::new(), TaskCursor::from(part));
    for _ in 0..MAX_PAGES {
        let page = page(stage, &from, up_to(limit)).await;
        ids.extend(page.ids);
        let Some(next) = page.next else { return ids };
        meanwhile(&ids).await;
        from = next;
    }
    panic!("the list of {} tasks has no end", part.as_str());
}

async fn listed(stage: &Stage<'_>, part: QueuePart, limit: usize) -> Vec<TaskId> {
    listed_while(stage, part, limit, async |_| {}).await
}

fn sorted(mut ids: Vec<TaskId>) -> Vec<TaskId> {
    ids.sort();
    ids
}

pub(crate) async fn tasks_lists_what_waits_and_runs(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    for part in QueuePart::ALL {
        assert_eq!(listed(&stage, part, 10).await, [], "of a worker id that was never used");
    }
    let (crashed, consumer) = (stage.attach().await, stage.attach().await);
    let quarantined = stage.submit_any().await;
    crashed.claim_one().await;
    stage.report_crash(&crashed, &[quarantined]).await;
    let delayed = stage.submit(Task { delay: Stage::LASTING, ..stage.task() }).await;
    stage.submit(stage.task_for("other")).await;
    // The quarantined task starts first, and ends; the next one stays.
    let first = consumer.claim_one().await;
    assert_eq!(first.claim.task, quarantined);
    assert_eq!(listed(&stage, QueuePart::Running, 10).await, [quarantined]);
    assert_eq!(listed(&stage, QueuePart::Quarantined, 10).await, []);
    consumer.complete(first.claim).await;
    let running = stage.submit_some(2).await;
    let claimed = consumer.claim_all(2).await;
    let other = stage.attach().await;
    let elsewhere = stage.submit_any().await;
    let crashing = other.claim_one().await;
    stage.report_crash(&other, &[crashing.claim.task]).await;
    let ready = stage.submit_some(2).await;

    assert_eq!(listed(&stage, QueuePart::Ready, 10).await, ready);
    assert_eq!(listed(&stage, QueuePart::Delayed, 10).await, [delayed]);
    assert_eq!(listed(&stage, QueuePart::Quarantined, 10).await, [elsewhere]);
    assert_eq!(sorted(listed(&stage, QueuePart::Running, 10).await), sorted(running));

    for claimed in claimed {
        consumer.complete(claimed.claim).await;
    }
    stage.cancel(delayed).await;
    assert_eq!(listed(&stage, QueuePart::Running, 10).await, []);
    assert_eq!(listed(&stage, QueuePart::Delayed, 10).await, []);
}

pub(crate) async fn tasks_are_in_order(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let mut expected = Vec::new();
    for priority in [Priority::Low, Priority::High, Priority::Normal] {
        let task = || Task { priority, ..stage.task() };
        expected.push((priority, vec![stage.submit(task()).await, stage.submit(task()).await]));
    }
    expected.sort_by_key(|(priority, _)| Priority::ALL.iter().position(|other| other == priority));
    let expected: Vec<_> = expected.into_iter().flat_map(|(_, ids)| ids).collect();
    let delay = |hours: u32| stage.submit(Task { delay: Stage::LASTING * hours, ..stage.task() });
    let (late, soon) = (delay(2).await, delay(1).await);
    for limit in [1, 2, 4, 10] {
        assert_eq!(listed(&stage, QueuePart::Ready, limit).await, expected, "in pages of {limit}");
        assert_eq!(listed(&stage, QueuePart::Delayed, limit).await, [soon, late], "in pages of {limit}");
    }
}

pub(crate) async fn tasks_are_paged(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let delayed = || Task { delay: Stage::LASTING, ..stage.task() };
    for (part, delays) in [(QueuePart::Ready, false), (QueuePart::Delayed, true)] {
        let mut ids = Vec::new();
        for _ in 0..7 {
            ids.push(stage.submit(if delays { delayed() } else { stage.task() }).await);
        }
        // Of each page all tasks leave before the next, so that those behind them move up.
        let found = listed_while(&stage, part, 2, async |found| stage.cancel_all(found).await).await;
        assert_eq!(sorted(found), sorted(ids.clone()));
        stage.cancel_all(&ids).await;
    }
    let consumers = [stage.attach().await, stage.attach().await];
    let ids = stage.submit_some(7).await;
    for (consumer, count) in consumers.iter().zip([5, 2]) {
        consumer.claim_all(count).await;
    }
    for limit in [1, 2, 7, 1_000_000] {
        let found = listed(&stage, QueuePart::Running, limit).await;
        assert_eq!(sorted(found), sorted(ids.clone()), "in pages of {limit}");
    }
}

pub(crate) async fn tasks_leave_out_the_expired(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    // No instance serves the queue.
    let expires_in = Some(stage.short());
    for delay in [Duration::ZERO, Stage::LASTING] {
        stage.submit(Task { delay, expires_in, ..stage.task() }).await;
    }
    let lasting = stage.submit_any().await;
    assert_eq!(listed(&stage, QueuePart::Ready, 10).await.len(), 2);
    assert_eq!(listed(&stage, QueuePart::Delayed, 10).await.len(), 1);
    let all = async || {
        [listed(&stage, QueuePart::Ready, 10).await, listed(&stage, QueuePart::Delayed, 10).await].concat()
    };
    stage.until(&[], async || all().await == [lasting]).await;
}
