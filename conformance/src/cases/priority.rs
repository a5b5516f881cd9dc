//! `Consumer::claim`: priorities are weights

use std::sync::Arc;

use rhai_dispatcher_core::{Priority, Task, TaskId};

use crate::Environment;
use crate::instance::{Instance, up_to};
use crate::stage::Stage;

async fn submit(stage: &Stage<'_>, priority: Priority, count: usize) -> Vec<TaskId> {
    let tasks: Vec<_> = (0..count).map(|_| Arc::new(Task { priority, ..stage.task() })).collect();
    let ids = tasks.iter().map(|task| task.id).collect();
    let answers = stage.transport.submit(tasks).await.expect("a submit");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    ids
}

pub(crate) async fn high_priority_overtakes(env: &dyn Environment) {
    const BATCH: usize = 8;

    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    submit(&stage, Priority::Low, 200).await;
    // The claim holds at every position of the weighted round.
    for claims_before in 0..4 {
        for _ in 0..claims_before {
            consumer.claim(up_to(BATCH)).await.expect("a claim");
        }
        let high = submit(&stage, Priority::High, 1).await[0];
        let mut next = consumer.claim(up_to(BATCH)).await.expect("a claim");
        next.extend(consumer.claim(up_to(BATCH)).await.expect("a claim"));
        assert!(next.iter().any(|claimed| claimed.claim.task == high), "two batches went by without it");
    }
}

pub(crate) async fn low_priority_is_not_starved(env: &dyn Environment) {
    /// The weights of all priorities together.
    const ROUND: usize = 16;

    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    submit(&stage, Priority::Low, ROUND).await;
    submit(&stage, Priority::High, ROUND).await;
    // Also with batches of a whole round, as a busy worker claims them.
    for batch in [1, 4, ROUND] {
        for _ in 0..3 {
            let mut low = 0;
            for _ in 0..ROUND / batch {
                let claimed = consumer.claim_all(batch).await;
                low += claimed.iter().filter(|claimed| claimed.task.priority == Priority::Low).count();
                submit(&stage, Priority::High, batch).await;
            }
            assert!(low >= 1, "{ROUND} claims in batches of {batch} went by without a low one");
            submit(&stage, Priority::Low, low).await;
        }
    }
}
